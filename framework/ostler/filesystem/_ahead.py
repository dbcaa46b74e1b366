"""How much of an object is fetched at once: more of it the longer it is read in order."""

from __future__ import annotations

from collections.abc import Callable

from fsspec.caching import BaseCache

__all__ = ["AheadCache"]

_LEAST = 1 << 16
_FIRST = 1 << 18
_GROWTH = 4


class AheadCache(BaseCache):
    """Reads ahead while reading goes on where it stopped, and not when it jumps.

    A reader of lines fetches blocks, one of some columns of a parquet file the
    columns and little else: reading ahead after every jump would fetch most
    of the file. The end of an object is fetched in one piece with what is
    before it, since the footers of files are read back to front.

    :param blocksize: bytes to read ahead at most.
    :param fetcher: ``(start, end) -> bytes``.
    :param size: of the object.
    """

    name = "ost"

    def __init__(self, blocksize: int, fetcher: Callable[[int, int], bytes], size: int) -> None:
        super().__init__(blocksize, fetcher, size)
        self._window, self._start = b"", 0
        self._next, self._ahead = 0, _FIRST

    def _fetch(self, start: int | None, end: int | None) -> bytes:
        start = start or 0
        end = self.size if end is None else min(end, self.size)
        if start >= end:
            return b""
        offset = start - self._start
        known = self._window[offset : offset + end - start] if offset >= 0 else b""
        if len(known) == end - start:
            self.hit_count += 1
        else:
            known = self._extend(known, start + len(known), end)
        self._next = end
        return known

    def _extend(self, known: bytes, start: int, end: int) -> bytes:
        """Return ``known`` and what follows it up to ``end``; keep what was fetched."""
        first, last = self._extent(start, end, in_order=bool(known) or start == self._next)
        self.miss_count += 1
        self.total_requested_bytes += last - first
        self._window, self._start = self.fetcher(first, last), first
        return known + self._window[start - first : end - first]

    def _extent(self, start: int, end: int, *, in_order: bool) -> tuple[int, int]:
        if in_order:
            last = min(self.size, end + min(self._ahead, self.blocksize))
            self._ahead = min(self._ahead * _GROWTH, max(_FIRST, self.blocksize))
            return start, last
        self._ahead = _FIRST
        least = min(_LEAST, self.blocksize)
        last = min(self.size, max(end, start + least))
        return (start if last < self.size else max(0, min(start, last - least))), last
