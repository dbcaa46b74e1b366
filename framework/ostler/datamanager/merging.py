"""Merging sorted sources, a batch at a time: what is done per entry is done by dict and sorted."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from operator import itemgetter

from .blocks import Batch, Entry, sliced

__all__ = ["batched", "entries_of", "from_position", "live", "merge", "until"]

_BATCH = 256
_END: Batch = [], []


def merge(sources: Sequence[Iterator[Batch]]) -> Iterator[Batch]:
    """Yield the entries of all sources in order: of one id, that of the first source that has it.

    :param sources: newest first, each in ascending order of ids, without empty batches.
    """
    heads = [_Head(source) for source in sources]
    while heads := [head for head in heads if head.ids]:
        if len(heads) == 1:
            yield from heads[0].rest()
            return
        bound = min([head.last for head in heads])
        yield _union([head.take(bound) for head in heads if head.first <= bound])


class _Head:
    """What is next of a source; without ids at its end."""

    first: str
    last: str
    _at: int

    def __init__(self, source: Iterator[Batch]) -> None:
        self._source = source
        self.ids, self._values = next(source, _END)
        self._begin()

    def take(self, bound: str) -> Batch:
        """Return and pass the entries up to ``bound``, which is at most `last`."""
        start, ids = self._at, self.ids
        if bound == self.last:
            taken = sliced((ids, self._values), start)
            self.ids, self._values = next(self._source, _END)
            self._begin()
            return taken
        self._at = bisect_right(ids, bound, start)
        self.first = ids[self._at]
        return sliced((ids, self._values), start, self._at)

    def rest(self) -> Iterator[Batch]:
        yield sliced((self.ids, self._values), self._at)
        yield from self._source

    def _begin(self) -> None:
        self._at = 0
        if self.ids:
            self.first, self.last = self.ids[0], self.ids[-1]


def _union(batches: list[Batch]) -> Batch:
    if len(batches) == 1:
        return batches[0]
    found: dict[str, bytes | None] = {}
    for ids, values in reversed(batches):
        found.update(zip(ids, values, strict=True))
    ids = sorted(found)
    return ids, [found[name] for name in ids]


def live(batches: Iterable[Batch]) -> Iterator[Batch]:
    """Yield the entries without tombstones."""
    for ids, values in batches:
        if None not in values:
            yield ids, values
            continue
        kept = [entry for entry in zip(ids, values, strict=True) if entry[1] is not None]
        if kept:
            yield _batch(kept)


def until(batches: Iterable[Batch], end: str | None) -> Iterator[Batch]:
    """Yield the entries with ids less than ``end`` (None: all), and read no further."""
    for batch in batches:
        if end is not None and batch[0][-1] >= end:
            if at := bisect_left(batch[0], end):
                yield sliced(batch, 0, at)
            return
        yield batch


def batched(entries: Iterable[Entry]) -> Iterator[Batch]:
    """Yield entries as batches."""
    remaining = iter(entries)
    while some := list(islice(remaining, _BATCH)):
        yield _batch(some)


def from_position(entries: Sequence[Entry], start: int) -> Iterator[Batch]:
    """Yield the entries from number ``start`` on as batches."""
    for at in range(start, len(entries), _BATCH):
        yield _batch(entries[at : at + _BATCH])


def entries_of(batches: Iterable[Batch]) -> Iterator[Entry]:
    """Yield batches as entries."""
    for ids, values in batches:
        yield from zip(ids, values, strict=True)


def _batch(entries: Sequence[Entry]) -> Batch:
    return list(map(itemgetter(0), entries)), list(map(itemgetter(1), entries))
