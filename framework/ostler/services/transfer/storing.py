"""Storing what a source yields."""

from __future__ import annotations

from ostler.errors import Error
from ostler.ost import ObjectStorage
from ostler.spi.storage import ObjectInfo

from .reports import Task
from .sources import Metered, Rewindable

__all__ = ["store"]


def store(
    source: Rewindable,
    size: int | None,
    storage: ObjectStorage,
    key: str,
    task: Task,
    *,
    name: str = "",
    if_absent: bool = False,
) -> ObjectInfo:
    """Store what ``source`` yields; it streams.

    :param size: in bytes; None: unknown.
    :param name: what the observer is told.
    :raises Error: as `ObjectStorage.put`; ``task.stop`` was set (code ``"cancelled"``).
    :raises OSError: the source cannot be read.
    """
    name = name or key
    metered = Metered(source, lambda count: task.observer.moved(name, count), task.stop)
    task.observer.began(name, size)
    try:
        return storage.put(key, metered, size=size, persist=task.persist, if_absent=if_absent)
    except Error:
        task.observer.moved(name, -metered.count)
        raise
    finally:
        task.observer.ended(name)
