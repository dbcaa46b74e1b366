"""The data files of a type: runs of changes in front of partitions, and reading across them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

from .blocks import Batch, Entry
from .filters import hash_of
from .info import FileInfo
from .merging import batched, entries_of, merge
from .reading import FileReader

__all__ = ["Open", "Run", "TypeFiles", "batches_of", "look_up", "scan"]

Open = Callable[[FileInfo], FileReader]

_first = attrgetter("first")
_last = attrgetter("last")


@dataclass(frozen=True, slots=True)
class Run:
    """The changes of some successive checkpoints, tombstones included.

    :param files: ascending, disjoint.
    :param tier: how often they were merged with others of their kind.
    """

    files: tuple[FileInfo, ...]
    tier: int


@dataclass(frozen=True, slots=True)
class TypeFiles:
    """All data files of a type.

    :param runs: newest first; tiers never decrease.
    :param partitions: ascending, disjoint, without tombstones.
    """

    runs: tuple[Run, ...] = ()
    partitions: tuple[FileInfo, ...] = ()

    def __iter__(self) -> Iterator[FileInfo]:
        for run in self.runs:
            yield from run.files
        yield from self.partitions


def look_up(files: TypeFiles, id: str, open: Open) -> bytes | None:
    """Return the value of ``id``, or None when there is none or it was deleted.

    Reads at most one block of the file that has it, and, of each file that has
    not, none in 98.6 % of all cases.

    :raises Internal: as `FileReader` does.
    """
    hashed = hash_of(id)
    for run in files.runs:
        info = _file_of(run.files, id)
        if info is not None:
            found, value = open(info).get_hashed(id, hashed)
            if found:
                return value
    info = _file_of(files.partitions, id)
    return None if info is None else open(info).get_hashed(id, hashed)[1]


def scan(
    files: TypeFiles,
    open: Open,
    *,
    prefix: str = "",
    start_after: str = "",
    newer: Sequence[Iterable[Entry]] = (),
) -> Iterator[tuple[str, bytes]]:
    """Yield what is there in order of the ids, as it is after all changes.

    :param prefix: only ids that begin with it.
    :param start_after: only ids greater than that.
    :param newer: changes that are in no file yet, newest first, each ascending.
    :raises Internal: as `FileReader` does.
    """
    start = max(prefix, start_after + "\0" if start_after else "")
    sources = [_from(batched(entries), start) for entries in newer]
    sources += [_within(run.files, open, start, prefix) for run in files.runs]
    sources.append(_within(files.partitions, open, start, prefix))
    for name, value in entries_of(merge(sources)):
        if not name.startswith(prefix):
            return
        if value is not None:
            yield name, value


def batches_of(
    files: Sequence[FileInfo], open: Open, start: str = "", end: str | None = None
) -> Iterator[Batch]:
    """Yield the entries of consecutive files from ``start`` on; files that begin at ``end`` are not read."""
    for info in files[bisect_left(files, start, key=_last) :]:
        if end is not None and info.first >= end:
            return
        yield from open(info).batches(start if start > info.first else "")


def _file_of(files: Sequence[FileInfo], id: str) -> FileInfo | None:
    """Return the file that may have an entry for ``id``."""
    at = bisect_right(files, id, key=_first) - 1 if len(files) != 1 else 0
    if at < 0:
        return None
    info = files[at]
    return info if info.first <= id <= info.last else None


def _within(files: Sequence[FileInfo], open: Open, start: str, prefix: str) -> Iterator[Batch]:
    for info in files[bisect_left(files, start, key=_last) :]:
        if info.first > prefix and not info.first.startswith(prefix):
            return
        yield from open(info).batches(start if start > info.first else "")


def _from(batches: Iterator[Batch], start: str) -> Iterator[Batch]:
    for ids, values in batches:
        at = bisect_left(ids, start)
        if at < len(ids):
            yield ids[at:], values[at:]
