"""Reading a database that is damaged: what is whole, up to a commit, and a list of what is not.

Nothing is written, no key-value store is asked, and no object needs to be in
order. Of the manifests that are kept, the one is taken with which most can be
told: an older one and the log after it may have what a newer one lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ostler.errors import Internal, NotFound
from ostler.ost import ObjectStorage

from .cache import FileCache
from .files import FileInfo
from .layout import Run, TypeFiles
from .manifest import Manifest, decode_manifest, first_manifest
from .names import MANIFESTS, WALS, numbered
from .records import Put, decode_batch
from .sequences import StorageSequence
from .state import Snapshot, State
from .verifying import Problem
from .views import Files, scan_snapshot

__all__ = ["Rescue", "rescue"]

_CACHE = 16 << 20


@dataclass(frozen=True, slots=True)
class Rescue:
    """What could be read.

    :param snapshot: the database at its newest commit that can be told.
    :param problems: objects that should be there or are damaged, and what of theirs is lost.
    """

    snapshot: Snapshot
    problems: tuple[Problem, ...]
    _files: Files = field(repr=False)

    @property
    def cluster(self) -> str:
        """Id of the database."""
        return self.snapshot.manifest.cluster

    @property
    def commit(self) -> int:
        """Number of the commit that it shows."""
        return self.snapshot.commit

    def entries(self) -> Iterator[Put]:
        """Yield every entry, in order of types and ids."""
        for name in sorted({*self.snapshot.manifest.types, *self.snapshot.changes}):
            for each, data in scan_snapshot(self.snapshot, name, self._files):
                yield Put(name, each, data)


def rescue(ost: ObjectStorage, *, up_to: int | None = None) -> Rescue:
    """Read what can be read of a database; reads every byte of its files.

    :param up_to: the last commit that is to be looked at; None: the newest.
    :raises NotFound: there is no database.
    :raises Internal: no manifest can be read that is old enough, and the log does not begin at its beginning.
    """
    files = Files(ost, FileCache(_CACHE))
    wals, manifests = StorageSequence(ost, WALS), StorageSequence(ost, MANIFESTS)
    unreadable: list[Problem] = []
    best: _Attempt | None = None
    for manifest in _manifests(manifests, unreadable, up_to):
        attempt = _attempt(manifest, wals, files, up_to)
        if best is None or attempt.rank > best.rank:
            best = attempt
        if not attempt.problems:
            break
    if best is None:
        best = _from_the_log(wals, unreadable, up_to)
    return Rescue(best.state.snapshot(), (*unreadable, *best.problems), files)


@dataclass(frozen=True, slots=True)
class _Attempt:
    state: State
    problems: list[Problem]
    lost: int

    @property
    def rank(self) -> tuple[int, int]:
        return self.state.commit, -self.lost


def _manifests(
    manifests: StorageSequence, unreadable: list[Problem], up_to: int | None
) -> Iterator[Manifest]:
    """Yield the manifests that can be read, newest first."""
    for number in reversed(list(manifests.after(0))):
        name = numbered(MANIFESTS, number)
        try:
            manifest = decode_manifest(manifests.read(number), name)
        except Internal as error:
            unreadable.append(Problem(name, error.message))
        except NotFound:
            continue  # collected since it was listed
        else:
            if up_to is None or manifest.commit <= up_to:
                yield manifest


def _attempt(
    manifest: Manifest, wals: StorageSequence, files: Files, up_to: int | None
) -> _Attempt:
    problems: list[Problem] = []
    types = {name: _whole(each, files, problems) for name, each in manifest.types.items()}
    lost = len(problems)
    state = State.at(replace(manifest, types=types))
    problems += _follow(state, wals, up_to)
    return _Attempt(state, problems, lost)


def _from_the_log(wals: StorageSequence, unreadable: list[Problem], up_to: int | None) -> _Attempt:
    """Begin with nothing: right if the log was never collected."""
    try:
        first = decode_batch(wals.read(1), numbered(WALS, 1))
    except (NotFound, Internal):
        if not unreadable:
            raise NotFound("there is no database here, or none as old as that") from None
        raise Internal(f"nothing can be saved: {unreadable[0].reason}", code="damaged") from None
    empty = replace(first_manifest("unknown", "storage", 0.0), digest=first.previous)
    state = State.at(empty)
    return _Attempt(state, list(_follow(state, wals, up_to)), 0)


def _whole(files: TypeFiles, reader: Files, problems: list[Problem]) -> TypeFiles:
    """Return the files of a type without those that cannot be read."""

    def whole(info: FileInfo) -> bool:
        try:
            reader.open(info).verify()
        except Internal as error:
            problems.append(Problem(info.key, f"{error.message}. {_loss(info)}"))
            return False
        return True

    runs = [Run(tuple(filter(whole, run.files)), run.tier) for run in files.runs]
    partitions = tuple(filter(whole, files.partitions))
    return TypeFiles(tuple(run for run in runs if run.files), partitions)


def _loss(info: FileInfo) -> str:
    return (
        f"Its {info.count} entries from {info.first!r} to {info.last!r} are not saved; where an "
        "older value of one of them is stored elsewhere, that stands in its place"
    )


def _follow(state: State, wals: StorageSequence, up_to: int | None) -> Iterator[Problem]:
    """Take in the log as far as it is whole; yield why it ends before its end."""
    numbers = [number for number in wals.after(state.commit) if up_to is None or number <= up_to]
    for number in numbers:
        name = numbered(WALS, state.commit + 1)
        try:
            batch = decode_batch(wals.read(state.commit + 1), name)
        except NotFound:
            yield Problem(name, f"{name} is missing. {_cut(state, numbers)}")
            return
        except Internal as error:
            yield Problem(name, f"{error.message}. {_cut(state, numbers)}")
            return
        if batch.number != state.commit + 1 or batch.previous != state.digest:
            reason = f"{name} does not follow the number before it"
            yield Problem(name, f"{reason}. {_cut(state, numbers)}")
            return
        assert number >= batch.number
        state.apply(batch)


def _cut(state: State, numbers: list[int]) -> str:
    return f"Commits {state.commit + 1} to {numbers[-1]} are not saved"
