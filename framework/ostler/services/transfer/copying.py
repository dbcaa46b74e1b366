"""Copying one object."""

from __future__ import annotations

from ostler.errors import Conflict, Error, NotFound
from ostler.ost import ObjectStorage
from ostler.spi.storage import ObjectInfo

from .reports import Task
from .sources import Metered, ObjectSource, same_version

__all__ = ["CopySource", "copy_object"]

_ATTEMPTS = 3

CopySource = tuple[ObjectStorage, str]
"""A storage and a key in it."""


def copy_object(
    source: CopySource,
    target: CopySource,
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
        copied = _once(source, target, task, name, if_absent=if_absent)
        if copied is None:
            continue
        read, stored = copied
        if not settled or _is_still(source, read):
            return stored
        if_absent = False  # what is there now is ours
    raise Conflict(
        f"{source[1]!r} was replaced each of the {_ATTEMPTS} times that it was copied: try again",
        code="changing",
    )


def _once(
    source: CopySource, target: CopySource, task: Task, name: str, *, if_absent: bool
) -> tuple[ObjectInfo, ObjectInfo] | None:
    """Return the version that was read and what was stored; None: it was replaced meanwhile."""
    storage, key = target
    with ObjectSource(*source) as opened:
        size = opened.info.size
        metered = Metered(opened, lambda count: task.observer.moved(name, count), task.stop)
        task.observer.began(name, size)
        try:
            stored = storage.put(key, metered, size=size, persist=task.persist, if_absent=if_absent)
        except Error as error:
            if error.code != "changed":
                raise
            task.observer.moved(name, -metered.count)
            return None
        finally:
            task.observer.ended(name)
        return opened.info, stored


def _is_still(source: CopySource, read: ObjectInfo) -> bool:
    storage, key = source
    try:
        return same_version(storage.stat(key), read)
    except NotFound:
        return True  # removed after it was copied: there is nothing newer
