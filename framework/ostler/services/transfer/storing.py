"""Storing what a source yields."""

from __future__ import annotations

from ostler.spi.storage import ObjectInfo

from .places import StorageKey
from .reports import Task
from .sources import Rewindable, observed

__all__ = ["store"]


def store(
    source: Rewindable,
    size: int | None,
    target: StorageKey,
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
    storage, key = target
    with observed(source, name or key, size, task) as metered:
        return storage.put(key, metered, size=size, persist=task.persist, if_absent=if_absent)
