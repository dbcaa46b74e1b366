"""Objects in a dictionary, for tests: the shortest complete driver."""

from __future__ import annotations

import itertools
import threading
import time
from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence

from ostler.errors import Conflict, NotFound
from ostler.spi.settings import Settings
from ostler.spi.storage import (
    Body,
    BytesBody,
    Capabilities,
    CommonPrefix,
    ObjectInfo,
    Readable,
    StorageDriver,
    grouped,
)

__all__ = ["MemorySettings", "MemoryStorage"]

_CHUNK = 1 << 20
_BATCH = 256
_CAPABILITIES = Capabilities(durable_put=False)


class MemorySettings(Settings):
    """A memory storage has no settings: ``memory://`` is all of its URL."""


class MemoryStorage(StorageDriver):
    """Objects in memory, gone when it is closed. Nothing is durable."""

    def __init__(self, settings: MemorySettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._keys: list[str] = []
        self._objects: dict[str, tuple[ObjectInfo, bytes]] = {}
        self._versions = itertools.count(1)

    @property
    def capabilities(self) -> Capabilities:
        return _CAPABILITIES

    def stat(self, key: str) -> ObjectInfo:
        return self._find(key)[0]

    def get(self, key: str, start: int, end: int | None) -> tuple[ObjectInfo, Body]:
        info, data = self._find(key)
        return info, BytesBody(data[start:end])

    def put(
        self,
        key: str,
        source: Readable,
        *,
        size: int | None,
        persist: bool,
        if_absent: bool,
    ) -> ObjectInfo:
        data = _read_all(source)
        info = ObjectInfo(key, len(data), time.time(), str(next(self._versions)))
        with self._lock:
            if key not in self._objects:
                insort(self._keys, key)
            elif if_absent:
                raise Conflict(f"the object {key!r} exists already", code="exists")
            self._objects[key] = info, data
        return info

    def persist(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._find(key)

    def delete(self, key: str) -> None:
        with self._lock:
            if self._objects.pop(key, None) is not None:
                del self._keys[bisect_left(self._keys, key)]

    def list(
        self, prefix: str, start_after: str, delimiter: str
    ) -> Iterator[ObjectInfo | CommonPrefix]:
        objects = self._objects_after(prefix, start_after)
        return grouped(objects, prefix, start_after, delimiter) if delimiter else objects

    def close(self) -> None:
        with self._lock:
            self._keys.clear()
            self._objects.clear()

    def _find(self, key: str) -> tuple[ObjectInfo, bytes]:
        try:
            return self._objects[key]
        except KeyError:
            raise NotFound(f"there is no object {key!r}") from None

    def _objects_after(self, prefix: str, start_after: str) -> Iterator[ObjectInfo]:
        low = max(prefix, start_after + "\0" if start_after else "")
        while batch := self._batch(low):
            for info in batch:
                if not info.key.startswith(prefix):
                    return
                yield info
            low = batch[-1].key + "\0"

    def _batch(self, low: str) -> Sequence[ObjectInfo]:
        """Return the first objects whose keys are not less than ``low``.

        Strings compare by code point, which is the order of their UTF-8 bytes.
        """
        with self._lock:
            first = bisect_left(self._keys, low)
            return [self._objects[key][0] for key in self._keys[first : first + _BATCH]]


def _read_all(source: Readable) -> bytes:
    pieces = []
    while piece := source.read(_CHUNK):
        pieces.append(piece)
    return b"".join(pieces)
