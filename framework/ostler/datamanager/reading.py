"""Reading data files, every byte against a checksum."""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import pairwise
from zlib import crc32

from ostler.errors import Internal, NotFound
from ostler.ost import ObjectStorage

from .blocks import Batch, Entry, decode, sliced
from .cache import FileCache
from .filters import may_hold
from .footer import TAIL_SIZE, Index, read_footer, tail_of
from .info import FileInfo
from .merging import entries_of
from .sealing import damaged

__all__ = ["FileReader"]

_INDEX = -1
_READ_AHEAD = 512 << 10
_ENTRY_MEMORY = 120


class FileReader:
    """One data file. Cheap to make: what it knows is in the cache. Usable from many threads.

    All methods raise `Internal`, which names the object in its details: code
    ``"missing"`` when there is none (a newer manifest may name others),
    ``"damaged"`` when it is not what was written, ``"newer_version"``; and what
    `ObjectStorage.get` raises.

    :param cache: shared by all readers of a process.
    """

    __slots__ = ("_cache", "_storage", "info")

    def __init__(self, storage: ObjectStorage, info: FileInfo, cache: FileCache) -> None:
        self._storage, self.info, self._cache = storage, info, cache

    def get(self, id: str) -> tuple[bool, bytes | None]:
        """Return whether the file has an entry for ``id``, and its value: None for a tombstone."""
        index = self.index()
        if not may_hold(index.filter, id):
            return False, None
        number = bisect_right(index.firsts, id) - 1
        if number < 0:
            return False, None
        ids, values = self._block(index, number)
        at = bisect_left(ids, id)
        if at < len(ids) and ids[at] == id:
            return True, values[at]
        return False, None

    def scan(self, start_after: str = "", start: str = "") -> Iterator[Entry]:
        """Yield the entries with ids greater than ``start_after`` and not less than ``start``."""
        # No str is between an id and the same with a zero character behind it.
        least = max(start, start_after + "\0" if start_after else "")
        return entries_of(self.batches(least))

    def batches(self, start: str = "") -> Iterator[Batch]:
        """Yield the entries from ``start`` on as batches; from the second block on past the cache.

        At first it reads little, then up to 512 KiB (or one block) at once.
        """
        index = self.index()
        number = max(0, bisect_right(index.firsts, start) - 1)
        if start:
            batch = self._block(index, number)
            at = bisect_left(batch[0], start)
            if at < len(batch[0]):
                yield sliced(batch, at)
            number += 1
        yield from self._stream(index, number)

    def block(self, number: int) -> Batch:
        """Return the entries of one block."""
        return self._block(self.index(), number)

    def verify(self) -> None:
        """Read the whole object and check every byte, and that it is what the manifest names."""
        data = self._fetch(0, self.info.size)
        start, end = tail_of(data, len(data), self.info.key)
        index = self._checked(read_footer(data[start:end], start, self.info.key))
        count, last = 0, ""
        for number, (begin, end) in enumerate(pairwise(index.ends)):
            ids, _values = self._decoded(index, number, data[begin:end])
            if ids[0] != index.firsts[number] or (number and ids[0] <= last):
                raise damaged(self.info.key, f"block {number} does not begin as the index says")
            count, last = count + len(ids), ids[-1]
        if (count, last) != (index.count, index.last):
            raise damaged(self.info.key, f"it has {count} entries, not {index.count}")
        if hashlib.blake2b(data, digest_size=16).digest() != self.info.digest:
            raise damaged(self.info.key, "it is not the object that the manifest names")

    def index(self) -> Index:
        """Return what the end of the file says of the rest."""
        index: Index | None = self._cache.get(self.info.key, _INDEX)
        if index is None:
            index = self._read_index()
            self._cache.put(self.info.key, _INDEX, index, index.memory)
        return index

    def _read_index(self) -> Index:
        size = self.info.size
        # The filter is 2 bytes per entry, the rest about 32 bytes per 16 KiB: mostly one read is enough.
        guess = max(0, size - 4096 - 2 * self.info.count - self.info.raw // 512)
        if size < TAIL_SIZE:
            raise damaged(self.info.key, f"it has only {size} bytes")
        data = self._fetch(guess, size)
        start, end = tail_of(data, size, self.info.key)
        if start < guess:
            data, guess = self._fetch(start, end), start
        sealed = data[start - guess : end - guess]
        return self._checked(read_footer(sealed, start, self.info.key))

    def _checked(self, index: Index) -> Index:
        info = self.info
        if (index.firsts[0], index.last, index.count) != (info.first, info.last, info.count):
            raise damaged(info.key, "its index is not that of the file that the manifest names")
        return index

    def _block(self, index: Index, number: int) -> Batch:
        batch: Batch | None = self._cache.get(self.info.key, number)
        if batch is None:
            stored = self._fetch(index.ends[number], index.ends[number + 1])
            batch = self._decoded(index, number, stored)
            memory = index.lengths[number] + _ENTRY_MEMORY * len(batch[0])
            self._cache.put(self.info.key, number, batch, memory)
        return batch

    def _stream(self, index: Index, number: int) -> Iterator[Batch]:
        ends, ahead = index.ends, 1
        while number < len(index.firsts):
            start = ends[number]
            stop = max(number + 1, bisect_right(ends, start + ahead) - 1)
            data = memoryview(self._fetch(start, ends[stop]))
            for each in range(number, stop):
                yield self._decoded(index, each, data[ends[each] - start : ends[each + 1] - start])
            number, ahead = stop, min(_READ_AHEAD, 4 * (ends[stop] - start))

    def _decoded(self, index: Index, number: int, stored: bytes | memoryview) -> Batch:
        if crc32(stored) != index.checks[number]:
            raise damaged(self.info.key, f"the checksum of block {number} is wrong")
        try:
            return decode(stored, index.lengths[number])
        except ValueError as error:
            raise damaged(self.info.key, f"block {number} cannot be read ({error})") from error

    def _fetch(self, start: int, end: int) -> bytes:
        """Return a range of the object, all of it."""
        info = self.info
        try:
            with self._storage.get(info.key, start, end) as body:
                if body.info.size != info.size:
                    raise damaged(info.key, f"it has {body.info.size} bytes instead of {info.size}")
                data = body.read()
        except NotFound as error:
            raise _missing(info.key) from error
        if len(data) != end - start:
            raise damaged(info.key, f"{len(data)} of {end - start} bytes came at byte {start}")
        return data


def _missing(key: str) -> Internal:
    return Internal(
        f"the data file {key!r} is missing: unless a newer manifest names others in its place, it is "
        "lost; `ostler data verify` tells the extent",
        code="missing",
        details={"object": key},
    )
