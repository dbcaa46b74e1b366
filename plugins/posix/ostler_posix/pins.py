"""Directories that are known to be durable, held open so that they cannot be mistaken for others."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from contextlib import suppress

__all__ = ["Pins"]


class Pins:
    """The directories pinned last, by path. Usable from many threads.

    An inode number tells a directory from another one made later in its place
    only as long as it cannot be used again: as long as somebody has it open.

    :param limit: of descriptors.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._pinned: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def holds(self, path: str, descriptor: int) -> bool:
        """Whether the directory of a descriptor is the one pinned at its path; then close it."""
        inode = os.fstat(descriptor).st_ino
        with self._lock:
            pinned = self._pinned.get(path)
            if pinned is None or pinned[0] != inode:
                return False
            self._pinned.move_to_end(path)
        os.close(descriptor)
        return True

    def pin(self, path: str, descriptor: int) -> None:
        """Remember a directory by its descriptor, which this closes when it is forgotten."""
        inode = os.fstat(descriptor).st_ino
        with self._lock:
            stale = [self._pinned.pop(path, (0, -1))[1]]
            self._pinned[path] = inode, descriptor
            while len(self._pinned) > self._limit:
                stale.append(self._pinned.popitem(last=False)[1][1])
        _close(stale)

    def forget(self, path: str) -> None:
        """Forget a directory."""
        if path in self._pinned:
            with self._lock:
                stale = self._pinned.pop(path, (0, -1))[1]
            _close([stale])

    def close(self) -> None:
        """Forget all. Idempotent."""
        with self._lock:
            stale = [descriptor for _inode, descriptor in self._pinned.values()]
            self._pinned.clear()
        _close(stale)

    def __del__(self) -> None:
        with suppress(AttributeError):
            self.close()


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        if descriptor >= 0:
            os.close(descriptor)
