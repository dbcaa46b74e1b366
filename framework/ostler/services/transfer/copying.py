"""Copying one object."""

from __future__ import annotations

from ostler.errors import Conflict, Error, NotFound
from ostler.spi.storage import ObjectInfo

from .places import StorageKey
from .reports import Task
from .sources import ObjectSource, same_version
from .storing import store

__all__ = ["copy_object"]

_ATTEMPTS = 3


def copy_object(
    source: StorageKey,
    target: StorageKey,
    task: Task,
    *,
    name: str = "",
    if_absent: bool = False,
    settled: bool = False,
) -> ObjectInfo:
    """Store the bytes of one object as another; return that one.

    It streams. What breaks off goes on where it broke as long as the object is
    the same one; when it was replaced meanwhile, it is copied from the start, up
    to three times.

    :param name: what the observer is told.
    :param settled: return only what the source still is after it was stored.
    :raises Vanished: the source is no more.
    :raises Conflict: ``if_absent`` and the target exists (code ``"exists"``); as
        `ObjectStorage.put`; the source is replaced all the time (code
        ``"changing"``); ``task.stop`` was set (code ``"cancelled"``).
    """
    name = name or source[1]
    for _ in range(_ATTEMPTS):
        with ObjectSource(*source) as opened:
            read = opened.info
            try:
                stored = store(opened, read.size, target, task, name=name, if_absent=if_absent)
            except Error as error:
                if error.code != "changed":
                    raise
                continue
        if not settled or _is_still(source, read):
            return stored
        task.observer.moved(name, -read.size)
        if_absent = False  # what is there now is ours
    raise Conflict(
        f"{source[1]!r} was replaced each of the {_ATTEMPTS} times that it was copied: try again",
        code="changing",
    )


def _is_still(source: StorageKey, read: ObjectInfo) -> bool:
    storage, key = source
    try:
        return same_version(storage.stat(key), read)
    except NotFound:
        return True  # removed after it was copied: there is nothing newer
