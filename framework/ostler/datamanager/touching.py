"""Which partitions the entries of runs and changes fall into."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from .blocks import Entry
from .layout import Open, TypeFiles
from .reading import FileReader

__all__ = ["groups", "touched"]


def touched(files: TypeFiles, changes: Sequence[Entry], open: Open) -> list[int]:
    """Return the numbers of the partitions that an entry of a run or a change falls into, ascending.

    A partition holds the ids from its first to that of the next one; those
    before the first partition fall into that.
    """
    starts = [info.first for info in files.partitions[1:]]
    found = set(_of_changes(changes, starts)) if files.partitions else set()
    for run in files.runs:
        for info in run.files:
            if len(found) == len(files.partitions):
                break
            found.update(_of_file(open(info), starts))
    return sorted(found)


def groups(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield runs of successive numbers: the first, and the one behind the last."""
    start: int | None = None
    last = -1
    for number in numbers:
        if start is not None and number != last + 1:
            yield start, last + 1
            start = None
        start, last = number if start is None else start, number
    if start is not None:
        yield start, last + 1


def _of_changes(changes: Sequence[Entry], starts: Sequence[str]) -> Iterator[int]:
    at = 0
    while at < len(changes):
        number = bisect_right(starts, changes[at][0])
        yield number
        if number == len(starts):
            return
        at = bisect_left(changes, starts[number], at, key=_id)


def _of_file(reader: FileReader, starts: Sequence[str]) -> Iterator[int]:
    """From the index alone, unless a block spans whole partitions: only its entries can tell then."""
    info = reader.info
    firsts = reader.index().firsts
    for number, (first, following) in enumerate(pairwise([*firsts, info.last])):
        low, high = bisect_right(starts, first), bisect_right(starts, following)
        yield low
        if high - low > 1:
            yield from {bisect_right(starts, name) for name in reader.block(number)[0]}
    yield bisect_right(starts, info.last)


def _id(entry: Entry) -> str:
    return entry[0]
