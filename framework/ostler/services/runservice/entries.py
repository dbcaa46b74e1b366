"""What the runservice keeps in the datamanager: types of entries, their change groups, their bytes.

An archived run is one entry: its header first, which can be decoded without
the tasks behind it. A *reservation* says that a counter was given to a run
which is not archived yet; it is written together with the counter and the
config, before the run can be seen, and goes in the commit that archives it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Any, NamedTuple

import msgpack

from ostler.errors import Internal
from ostler.runs import codec
from ostler.runs.config import RunConfig
from ostler.runs.model import Run, Task

__all__ = [
    "CONFIG",
    "COUNTER",
    "RESERVATION",
    "RUN",
    "TYPES",
    "Reservation",
    "config_group",
    "counter_group",
    "counter_id",
    "decode_config",
    "decode_counter",
    "decode_header",
    "decode_reservation",
    "decode_run",
    "encode_config",
    "encode_counter",
    "encode_reservation",
    "encode_run",
    "header_of",
    "packed_header",
    "root_group",
    "run_group",
    "unpack_header",
]

RUN = "run"
CONFIG = "runconfig"
COUNTER = "runcounter"
RESERVATION = "reservation"
TYPES = (RUN, CONFIG, COUNTER, RESERVATION)

_VERSION = 1
_PREFIX = struct.Struct(">BI")
_LONGEST = 400


class Reservation(NamedTuple):
    """A run that has its counter.

    :param run: as it was to begin, of its tasks only those that it shares with an earlier run.
    :param owner: id of the instance that was to advance it.
    """

    run: Run
    owner: str


def root_group(group: str) -> str:
    """Return the first two parts of a group path: ``/project/x`` of ``/project/x/branch/y``."""
    return "/".join(group.split("/")[:3])


def counter_id(root: str) -> str:
    """Return the id of the counter of a root group."""
    raw = root.encode()
    if 0 < len(raw) <= _LONGEST:
        return root
    return f"{raw[:_LONGEST].decode(errors='ignore')}#{blake2b(raw, digest_size=16).hexdigest()}"


def counter_group(root: str) -> str:
    """Return the change group of the counter of a root group."""
    return f"{COUNTER}/{counter_id(root)}"


def run_group(run_id: str) -> str:
    """Return the change group of a run: moved when it is reserved, archived, restarted, removed."""
    return f"{RUN}/{run_id}"


def config_group(config_id: str) -> str:
    """Return the change group of a run config: moved when a run begins or ceases to refer to it."""
    return f"{CONFIG}/{config_id}"


def encode_counter(counter: int) -> bytes:
    """Return the entry of a counter."""
    return str(counter).encode()


def decode_counter(data: bytes | None) -> int:
    """Return the last number that was given; of no entry, 0."""
    return _decoded("run counter", int, data) if data else 0


def encode_config(config: RunConfig) -> bytes:
    """Return the entry of a run config."""
    packed: bytes = msgpack.packb(codec.encode_config(config))
    return packed


def decode_config(data: bytes) -> RunConfig:
    """Rebuild what `encode_config` gave.

    :raises Internal: it is damaged or of another version.
    """
    return codec.decode_config(_decoded("run config", msgpack.unpackb, data))


def encode_run(run: Run) -> bytes:
    """Return the entry of an archived run, all of it."""
    return _encode(codec.encode_run(run), run.tasks.values())


def decode_run(data: bytes) -> Run:
    """Rebuild what `encode_run` gave; its revision is 0: it never changes.

    :raises Internal: it is damaged or of another version.
    """
    return codec.decode_run(header_of(data), tasks=_tasks(data), revision=0)


def decode_header(data: bytes) -> Run:
    """Rebuild the run without its tasks.

    :raises Internal: it is damaged or of another version.
    """
    return codec.decode_run(header_of(data), tasks={}, revision=0)


def encode_reservation(run: Run, owner: str) -> bytes:
    """Return the entry of a reservation."""
    shared = [task for task in run.tasks.values() if task.status.final]
    return _encode({**codec.encode_run(run), "owner": owner}, shared)


def decode_reservation(data: bytes) -> Reservation:
    """Rebuild what `encode_reservation` gave.

    :raises Internal: it is damaged or of another version.
    """
    header = header_of(data)
    owner = header.pop("owner", "")
    return Reservation(codec.decode_run(header, tasks=_tasks(data), revision=0), owner)


def header_of(data: bytes) -> dict[str, Any]:
    """Return the fields of a run that are not its tasks, as they are stored."""
    return unpack_header(packed_header(data))


def unpack_header(packed: bytes) -> dict[str, Any]:
    """Return the fields that `packed_header` holds.

    :raises Internal: they are damaged.
    """
    header: dict[str, Any] = _decoded("run", msgpack.unpackb, packed)
    return header


def packed_header(data: bytes) -> bytes:
    """Return the part of an entry that holds what is not tasks, as it is.

    :raises Internal: the entry is damaged or of another version.
    """
    version, size = _decoded("run", _PREFIX.unpack_from, data)
    if version != _VERSION:
        raise Internal(f"a stored run has format {version}: a later version wrote it")
    return data[_PREFIX.size : _PREFIX.size + size]


def _tasks(data: bytes) -> dict[str, Task]:
    start = _PREFIX.size + _PREFIX.unpack_from(data)[1]
    tasks = map(codec.decode_task, _decoded("run", msgpack.unpackb, data[start:]))
    return {task.id: task for task in tasks}


def _encode(header: dict[str, Any], tasks: Iterable[Task]) -> bytes:
    first = msgpack.packb(header)
    rest = msgpack.packb([codec.encode_task(task) for task in tasks])
    return b"".join((_PREFIX.pack(_VERSION, len(first)), first, rest))


def _decoded(what: str, decode: Callable[[bytes], Any], data: bytes) -> Any:
    try:
        return decode(data)
    except (ValueError, TypeError, struct.error) as error:
        raise Internal(
            f"cannot read a stored {what}: {error!r}; it is damaged, or another version wrote it"
        ) from error
