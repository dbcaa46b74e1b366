"""Reading data files, every byte against a checksum."""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from zlib import crc32

from ostler.errors import Internal, NotFound
from ostler.ost import ObjectStorage

from .blocks import Batch, Entry, decode, sliced
from .cache import FileCache
from .filters import BYTES_PER_ENTRY, hash_of, may_hold
from .footer import Index, Place, read_index, tail_of
from .info import FileInfo
from .merging import entries_of
from .sealing import damaged

__all__ = ["FileReader"]

_INDEX = -1
_READ_AHEAD = 512 << 10
_ENTRY_MEMORY = 120


class FileReader:
    """One data file. Cheap to make: what it knows is in the cache. Usable from many threads.

    One that is kept also keeps the index once it has read it, which saves a
    microsecond per read.

    All methods raise `Internal`, which names the object in its details: code
    ``"missing"`` when there is none (a newer manifest may name others),
    ``"damaged"`` when it is not what was written, ``"newer_version"``; and what
    `ObjectStorage.get` raises.

    :param cache: shared by all readers of a process.
    """

    __slots__ = ("_cache", "_known", "_storage", "info")

    def __init__(self, storage: ObjectStorage, info: FileInfo, cache: FileCache) -> None:
        self._storage, self.info, self._cache = storage, info, cache
        self._known: tuple[Index, bytes] | None = None

    def get(self, id: str) -> tuple[bool, bytes | None]:
        """Return whether the file has an entry for ``id``, and its value: None for a tombstone."""
        return self.get_hashed(id, hash_of(id))

    def get_hashed(self, id: str, hashed: int) -> tuple[bool, bytes | None]:
        """Do what `get` does, given `hash_of` the id, for who asks many files for it."""
        index, bits = self._known or self._load()
        if not may_hold(bits, hashed):
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

    def index(self) -> Index:
        """Return what the file says of itself."""
        return (self._known or self._load())[0]

    def block(self, number: int) -> Batch:
        """Return the entries of one block."""
        return self._block(self.index(), number)

    def verify(self) -> None:
        """Read the whole object and check every byte, and that it is what the manifest names."""
        data = self._fetch(0, self.info.size)
        index, _bits = self._parsed(data, 0)
        count, deleted, last = 0, 0, ""
        for number, first in enumerate(index.firsts):
            place = index.place(number)
            ids, values = self._decoded(number, place, data[place.start : place.end])
            if ids[0] != first or (number and first <= last) or ids != sorted(set(ids)):
                raise damaged(self.info.key, f"the ids of block {number} are not in order")
            count, deleted, last = count + len(ids), deleted + values.count(None), ids[-1]
        if (count, deleted, last) != (index.count, index.deleted, index.last):
            raise damaged(self.info.key, "its entries are not as many as the index says")
        if hashlib.blake2b(data, digest_size=16).digest() != self.info.digest:
            raise damaged(self.info.key, "it is not the object that the manifest names")

    def _load(self) -> tuple[Index, bytes]:
        known: tuple[Index, bytes] | None = self._cache.get(self.info.key, _INDEX)
        if known is None:
            known = self._read_end()
            self._cache.put(self.info.key, _INDEX, known, known[0].memory)
        self._known = known
        return known

    def _read_end(self) -> tuple[Index, bytes]:
        """Read filter and index: mostly at once, the index takes less than 32 bytes for each 16 KiB."""
        info = self.info
        guess = max(0, info.size - 4096 - BYTES_PER_ENTRY * info.count - info.raw // 512)
        data = self._fetch(guess, info.size)
        start, _end = tail_of(data, info.size, info.key)
        start = max(0, start - BYTES_PER_ENTRY * info.count)
        if start < guess:
            data, guess = self._fetch(start, info.size), start
        return self._parsed(data, guess)

    def _parsed(self, data: bytes, offset: int) -> tuple[Index, bytes]:
        """Return index and filter, given the file from ``offset`` on."""
        info = self.info
        start, end = tail_of(data, info.size, info.key)
        index = read_index(data[start - offset : end - offset], info.key)
        found = (index.key, index.firsts[0], index.last, index.count)
        if found != (info.key, info.first, info.last, info.count):
            raise damaged(info.key, "its index is not that of the file that the manifest names")
        bits = data[index.end - offset : start - offset]
        if len(bits) != BYTES_PER_ENTRY * index.count or crc32(bits) != index.check:
            raise damaged(info.key, "the checksum of its filter is wrong")
        return index, bits

    def _block(self, index: Index, number: int) -> Batch:
        batch: Batch | None = self._cache.get(self.info.key, number)
        if batch is None:
            place = index.place(number)
            batch = self._decoded(number, place, self._fetch(place.start, place.end))
            memory = place.length + _ENTRY_MEMORY * len(batch[0])
            self._cache.put(self.info.key, number, batch, memory)
        return batch

    def _stream(self, index: Index, number: int) -> Iterator[Batch]:
        count, ahead = len(index.firsts), 1
        while number < count:
            start = index.ends(number)
            stop = bisect_right(range(count + 1), start + ahead, key=index.ends) - 1
            stop = max(number + 1, stop)
            data = memoryview(self._fetch(start, index.ends(stop)))
            for each in range(number, stop):
                place = index.place(each)
                yield self._decoded(each, place, data[place.start - start : place.end - start])
            number, ahead = stop, min(_READ_AHEAD, 4 * len(data))

    def _decoded(self, number: int, place: Place, stored: bytes | memoryview) -> Batch:
        if crc32(stored) != place.check:
            raise damaged(self.info.key, f"the checksum of block {number} is wrong")
        try:
            return decode(stored, place.length)
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
