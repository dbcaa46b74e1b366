"""Processes that own runs, and whether they still live.

An instance holds an exclusive lock on a file for as long as its process lives;
the kernel lets go of it whatever the process dies of. So another process that
gets the lock knows that the owner is gone, at once and for certain.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ostler.errors import Unavailable
from ostler.kv import KeyValueStore
from ostler.spi.kv import Delete, Operation

from . import keys
from .values import dump, load

__all__ = ["Instance", "InstanceRecord", "claim_dead", "open_instance"]


@dataclass(frozen=True, slots=True)
class InstanceRecord:
    """What the key-value store says of an instance.

    :param host: name of the machine that it runs on.
    :param directory: its private directory there: the lock, its executor's files.
    :param executor: type of its executor driver.
    """

    id: str
    host: str
    pid: int
    directory: str
    executor: str


class Instance:
    """A claim on an instance's directory, held by this process."""

    def __init__(self, record: InstanceRecord, descriptor: int) -> None:
        self.record = record
        self._descriptor = descriptor

    @property
    def id(self) -> str:
        """Its id, which is the id of its executor too."""
        return self.record.id

    @property
    def directory(self) -> Path:
        """Private to it, also the place of its executor's files."""
        return Path(self.record.directory)

    def forgotten(self) -> list[Operation]:
        """Return the operations that remove its record."""
        return [Delete(keys.instance(self.id)), Delete(keys.executor(self.id))]

    def remove(self) -> None:
        """Remove its directory and let go of the lock."""
        shutil.rmtree(self.directory, ignore_errors=True)
        self.release()

    def release(self) -> None:
        """Let go of the lock. Idempotent."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def open_instance(kv: KeyValueStore, home: Path, instance_id: str, executor: str) -> Instance:
    """Make an instance for this process, lock it, and say so in the key-value store."""
    directory = home / "instances" / instance_id
    directory.mkdir(parents=True, mode=0o700)
    descriptor = _lock(directory)
    if descriptor is None:
        raise Unavailable(f"{directory} is locked by another process")
    record = InstanceRecord(
        instance_id, socket.gethostname(), os.getpid(), str(directory), executor
    )
    kv.put(keys.instance(instance_id), dump(_encode(record)))
    return Instance(record, descriptor)


def claim_dead(kv: KeyValueStore) -> Iterator[Instance]:
    """Yield the instances of this machine whose process is gone, each claimed by this process."""
    host = socket.gethostname()
    for item in kv.items(keys.INSTANCES):
        record = InstanceRecord(id=item.key[len(keys.INSTANCES) :], **load(item))
        if record.host != host:
            continue
        descriptor = _lock(Path(record.directory))
        if descriptor is not None:
            yield Instance(record, descriptor)


def _encode(record: InstanceRecord) -> dict[str, str | int]:
    return {
        "host": record.host,
        "pid": record.pid,
        "directory": record.directory,
        "executor": record.executor,
    }


def _lock(directory: Path) -> int | None:
    """Return a locked descriptor, or None when somebody else holds the lock."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
