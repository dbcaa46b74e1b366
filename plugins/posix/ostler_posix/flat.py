"""The storage type `posixflat`: any key beside any other."""

from __future__ import annotations

import fcntl
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from ostler.errors import Conflict
from ostler.spi.storage import (
    Body,
    Capabilities,
    CommonPrefix,
    ObjectInfo,
    Readable,
    StorageDriver,
    grouped,
)

from .content import fill, open_range
from .directories import Directories
from .drafts import Drafts
from .durability import persist_files
from .failures import typed
from .infos import Versions, info_of, missing, unreadable
from .nodes import Nodes, walk_nodes
from .settings import PosixSettings

__all__ = ["PosixFlatStorage"]

_LOCKS = 256


class PosixFlatStorage(StorageDriver):
    """Every object is a file of its own, somewhere in a tree of nodes: see `ostler_posix.nodes`.

    Writers and deleters of one key take turns, over all processes, by a lock
    on one of some files; readers take none.
    """

    def __init__(self, settings: PosixSettings) -> None:
        root = settings.path.rstrip("/")
        self._objects, self._locks = f"{root}/objects", f"{root}/locks"
        self._persist = settings.persist
        self._capabilities = Capabilities(durable_put=settings.persist)
        self._directories = Directories(self._objects)
        self._nodes = Nodes(self._objects)
        self._drafts = Drafts(root)
        self._versions = Versions()
        self._drafts.sweep()

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def stat(self, key: str) -> ObjectInfo:
        path = self._found(key)
        try:
            return info_of(key, os.lstat(path))
        except OSError as error:
            raise unreadable(error, key) from error

    def get(self, key: str, start: int, end: int | None) -> tuple[ObjectInfo, Body]:
        return open_range(self._found(key), key, start, end)

    def put(
        self, key: str, source: Readable, *, size: int | None, persist: bool, if_absent: bool
    ) -> ObjectInfo:
        if if_absent and self._nodes.find(key.encode()):
            raise _exists(key)  # before anything is written; a race is decided under the lock
        persist = persist and self._persist
        draft = self._drafts.nameless()
        try:
            fill(draft.descriptor, source, size, persist=persist)
            info = self._versions.describe(key, draft.descriptor)
            with self._alone(key):
                path = self._place(key, exclusive=if_absent)
                self._publish(draft.replace, path, key)
        finally:
            draft.close()
        if persist:
            self._directories.persist(os.path.dirname(path))
        return info

    def persist(self, keys: Sequence[str]) -> None:
        if self._persist:
            files = [(key, self._found(key)) for key in keys]
            persist_files(self._objects, files, self._directories)

    def delete(self, key: str) -> None:
        with self._alone(key):
            path = self._nodes.find(key.encode())
            if path is None:
                return
            try:
                self._nodes.remove(path)
            except OSError as error:
                raise typed(error, f"delete {key!r}") from error
        self._directories.prune(os.path.dirname(path))

    def list(
        self, prefix: str, start_after: str, delimiter: str
    ) -> Iterator[ObjectInfo | CommonPrefix]:
        objects = self._objects_after(prefix.encode(), start_after.encode())
        return grouped(objects, prefix, start_after, delimiter) if delimiter else objects

    def close(self) -> None:
        self._drafts.close()
        self._directories.close()

    def _objects_after(self, prefix: bytes, start_after: bytes) -> Iterator[ObjectInfo]:
        for name, path in walk_nodes(self._objects, prefix, start_after):
            key = name.decode()
            try:
                yield info_of(key, os.lstat(path))
            except FileNotFoundError:
                continue  # deleted since its name was read
            except OSError as error:
                raise typed(error, f"list {key!r}") from error

    def _found(self, key: str) -> str:
        path = self._nodes.find(key.encode())
        if path is None:
            raise missing(key)
        return path

    def _place(self, key: str, *, exclusive: bool) -> str:
        """Return where ``key`` is, or is to be."""
        path = self._nodes.find(key.encode())
        if path is None:
            return self._nodes.place(key.encode())
        if exclusive:
            raise _exists(key)
        return path

    def _publish(self, replace: Callable[[str], None], path: str, key: str) -> None:
        def step() -> None:
            self._nodes.annotate(path, key.encode())
            replace(path)

        try:
            self._directories.publish(step, os.path.dirname(path))
        except OSError as error:
            raise typed(error, f"store {key!r}") from error

    @contextmanager
    def _alone(self, key: str) -> Iterator[None]:
        """Hold the lock that all writers of ``key`` take, in this process and others."""
        try:
            descriptor = self._open_lock(f"{self._locks}/{zlib.crc32(key.encode()) % _LOCKS:02x}")
        except OSError as error:
            raise typed(error, f"lock {key!r}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _open_lock(self, path: str) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        try:
            return os.open(path, flags, 0o666)
        except FileNotFoundError:
            os.makedirs(self._locks, exist_ok=True)
            return os.open(path, flags, 0o666)


def _exists(key: str) -> Conflict:
    return Conflict(f"the object {key!r} exists already", code="exists")
