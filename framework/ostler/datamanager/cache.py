"""What was read of data files and may be needed again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

__all__ = ["FileCache"]

_SHARE = 4


class FileCache:
    """Indexes and decoded blocks, those used last. Usable from many threads.

    :param limit_bytes: of memory, about. What alone would take more than a
        quarter of it is not kept.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._size = 0
        self._kept: OrderedDict[tuple[str, int], tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Bytes in it, about."""
        return self._size

    def get(self, key: str, number: int) -> Any:
        """Return what was put under this object and number, or None."""
        with self._lock:
            found = self._kept.get((key, number))
            if found is None:
                return None
            self._kept.move_to_end((key, number))
            return found[0]

    def put(self, key: str, number: int, value: Any, size: int) -> None:
        """Keep a value of about ``size`` bytes, and drop what was not used for longest."""
        if size > self._limit // _SHARE:
            return
        with self._lock:
            _value, old = self._kept.pop((key, number), (None, 0))
            self._kept[key, number] = value, size
            self._size += size - old
            while self._size > self._limit:
                _key, (_value, dropped) = self._kept.popitem(last=False)
                self._size -= dropped
