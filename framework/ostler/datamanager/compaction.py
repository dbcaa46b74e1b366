"""Compaction: changes become runs, runs are merged into runs, and at last into the partitions."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter

from ostler.errors import BadRequest
from ostler.ost import ObjectStorage

from .blocks import Batch, Entry
from .cache import FileCache
from .info import FileInfo
from .layout import Run, TypeFiles, batches_of, look_up, scan
from .merging import from_position, live, merge, until
from .reading import FileReader
from .touching import groups, touched
from .writing import BLOCK_SIZE, write_batches

__all__ = ["CompactionOptions", "Run", "TypeFiles", "compact", "look_up", "scan"]

_SLACK = 1.1


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactionOptions:
    """How much is rewritten, and how many files lie around in exchange.

    :param file_size: of a data file at most, in bytes.
    :param fanout: so many runs of a tier become one of the next; at least 2.
    :param overlap_ratio: *r*; runs are merged into the partitions that they touch
        when these have at most *r* times the runs' bytes, or *r* + 1 times
        the bytes of what was deleted. So at most 1 + 1/*r* times the bytes of what is
        there are stored.
    :param block_size: of raw entries, in bytes.
    """

    file_size: int = 10 << 20
    fanout: int = 8
    overlap_ratio: float = 2.5
    block_size: int = BLOCK_SIZE

    def __post_init__(self) -> None:
        if self.fanout < 2:
            raise BadRequest(f"a fanout of {self.fanout} merges nothing: give 2 or more")


def compact(
    storage: ObjectStorage,
    type: str,
    before: TypeFiles,
    changes: Sequence[Entry],
    *,
    options: CompactionOptions,
    cache: FileCache,
    new_id: Callable[[], str],
    pause: Callable[[], None] | None = None,
) -> TypeFiles:
    """Return the data files of a type with ``changes`` in them; all of them are durable.

    Nothing is deleted: files that the result does not name are garbage, and
    so is what was written when this raises. Memory is bounded whatever the size of all.

    :param changes: in strictly ascending order of the ids; a value of None deletes.
    :param pause: called between two blocks; what it raises ends the compaction.
    :raises Internal: a file is missing or damaged, see `FileReader`.
    :raises Error: what `ObjectStorage` raises.
    """
    if not changes:
        return before
    job = _Compaction(storage, type, before, changes, options, cache, new_id, pause)
    after = job.run()
    old = {info.key for info in before}
    storage.persist(info.key for info in after if info.key not in old)
    return after


class _Compaction:
    def __init__(
        self,
        storage: ObjectStorage,
        type: str,
        files: TypeFiles,
        changes: Sequence[Entry],
        options: CompactionOptions,
        cache: FileCache,
        new_id: Callable[[], str],
        pause: Callable[[], None] | None,
    ) -> None:
        self._storage, self._type, self._cache = storage, type, cache
        self._files, self._changes, self._options = files, changes, options
        self._new_id, self._pause = new_id, pause or _no_pause

    def run(self) -> TypeFiles:
        numbers = touched(self._files, self._changes, self._open)
        there = sum(self._files.partitions[number].size for number in numbers)
        newer = [info for run in self._files.runs for info in run.files]
        coming = sum(info.size for info in newer) + self._expected()
        ratio = self._options.overlap_ratio
        if there <= ratio * coming + (ratio + 1) * self._freed(newer, numbers, there):
            return TypeFiles((), self._rewritten(numbers, coming / max(1, there)))
        return self._with_run()

    def _freed(self, newer: list[FileInfo], numbers: list[int], there: int) -> int:
        """Return about how many of the ``there`` bytes in these partitions are of deleted entries."""
        deleted = sum(value is None for _id, value in self._changes)
        deleted += sum(self._open(info).index().deleted for info in newer)
        entries = sum(self._files.partitions[number].count for number in numbers)
        return min(there, deleted * there // max(1, entries))

    def _expected(self) -> int:
        """Return about how many bytes the changes will take in files."""
        raw = sum(len(name) + len(value or b"") for name, value in self._changes)
        size = sum(info.size for info in self._files)
        return raw * size // max(1, sum(info.raw for info in self._files)) if size else raw

    def _with_run(self) -> TypeFiles:
        """Write the changes as a run, together with the runs that they complete a tier of."""
        runs, tier, taken = self._files.runs, 0, 0
        while sum(run.tier == tier for run in runs[taken:]) >= self._options.fanout - 1:
            while taken < len(runs) and runs[taken].tier == tier:
                taken += 1
            tier += 1
        sources = [from_position(self._changes, 0)]
        sources += [batches_of(run.files, self._open) for run in runs[:taken]]
        files = tuple(self._written(merge(sources), self._options.file_size))
        return TypeFiles((Run(files, tier), *runs[taken:]), self._files.partitions)

    def _rewritten(self, numbers: list[int], growth: float) -> tuple[FileInfo, ...]:
        """Merge everything into these partitions, and return all partitions."""
        old = self._files.partitions
        found: list[FileInfo] = []
        done = 0
        for start, end in groups(numbers) if old else [(0, 0)]:
            found += old[done:start]
            size = sum(info.weight for info in old[start:end]) * (1 + growth)
            found += self._written(live(self._range(start, end)), self._target(size))
            done = end
        found += old[done:]
        return self._joined(found)

    def _range(self, start: int, end: int) -> Iterator[Batch]:
        """Merge what falls into the partitions ``start`` (included) to ``end`` (excluded)."""
        old = self._files.partitions
        low = old[start].first if start else ""
        high = old[end].first if end < len(old) else None
        at = bisect_left(self._changes, low, key=itemgetter(0))
        sources = [from_position(self._changes, at)]
        sources += [batches_of(run.files, self._open, low, high) for run in self._files.runs]
        sources.append(batches_of(old[start:end], self._open))
        return merge([until(source, high) for source in sources])

    def _target(self, size: float) -> int:
        """Return the size of each file when about ``size`` bytes go into as few as possible, evenly."""
        limit = self._options.file_size
        count = -int(-size // limit)
        return min(limit, int(size / count * _SLACK)) if count > 1 else limit

    def _joined(self, files: list[FileInfo]) -> tuple[FileInfo, ...]:
        """Join small neighbours, at least one of which is new, until there are none."""
        old = {info.key for info in self._files.partitions}
        while True:
            found: list[FileInfo] = []
            for some in _small_neighbours(files, self._options.file_size // 2):
                if len(some) > 1 and any(info.key not in old for info in some):
                    found += self._written(batches_of(some, self._open), self._options.file_size)
                else:
                    found += some
            if len(found) == len(files):
                return tuple(found)
            files = found

    def _written(self, batches: Iterator[Batch], limit: int) -> Iterator[FileInfo]:
        return write_batches(
            self._storage,
            self._type,
            self._paused(batches),
            limit=limit,
            new_id=self._new_id,
            block_size=self._options.block_size,
        )

    def _paused(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        for batch in batches:
            self._pause()
            yield batch

    def _open(self, info: FileInfo) -> FileReader:
        return FileReader(self._storage, info, self._cache)


def _small_neighbours(files: Iterable[FileInfo], limit: int) -> Iterator[list[FileInfo]]:
    """Yield successive files, as many at a time as stay below ``limit`` together."""
    some: list[FileInfo] = []
    weight = 0
    for info in files:
        if some and weight + info.weight >= limit:
            yield some
            some, weight = [], 0
        some.append(info)
        weight += info.weight
    if some:
        yield some


def _no_pause() -> None:
    """Go on at once."""
