"""Checkpoints: what the log says goes into data files, and a manifest says so."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum

from ostler.clock import Clock
from ostler.errors import Conflict, Error, Internal, NotFound, Unavailable
from ostler.ost import ObjectStorage

from .cache import FileCache
from .compaction import CompactionOptions, TypeFiles, compact
from .log import Log
from .manifest import Manifest, encode_manifest
from .names import DATA, MANIFESTS, numbered
from .options import Options
from .sealing import digest_of, missing
from .sequences import Sequence
from .state import Snapshot

__all__ = ["CheckpointReport", "Checkpointer"]

_ATTEMPTS = 5
_NONE = TypeFiles()


class Outcome(Enum):
    """What became of a manifest."""

    MADE = "it is the newest"
    LOST = "another one has its number"
    OVERTAKEN = "newer ones are there: upon it, or since long before it was written"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointReport:
    """What a checkpoint did.

    :param manifest: number of the newest manifest afterwards.
    :param commit: number of the commit that it reaches up to.
    :param entries: changed entries that it took over.
    :param written: bytes of data files.
    :param lost: somebody else made a newer manifest meanwhile; this one's files were removed.
    """

    manifest: int
    commit: int
    entries: int = 0
    written: int = 0
    lost: bool = False


class Checkpointer:
    """Makes checkpoints, one at a time; other processes may make theirs at the same time."""

    def __init__(
        self,
        ost: ObjectStorage,
        log: Log,
        manifests: Sequence,
        cache: FileCache,
        *,
        clock: Clock,
        options: Options,
    ) -> None:
        self._ost, self._log, self._manifests, self._cache = ost, log, manifests, cache
        self._clock, self._options = clock, options
        self._compaction = CompactionOptions(
            file_size=options.file_size,
            block_size=options.block_size,
            fanout=options.fanout,
            overlap_ratio=options.overlap_ratio,
        )

    def checkpoint(self) -> CheckpointReport:
        """Make a checkpoint of everything committed so far, unless there is nothing new."""
        self._log.sync()
        base = self._log.refresh()
        with self._log.lock:
            snapshot = self._log.state.snapshot()
        if snapshot.commit == snapshot.manifest.commit:
            return CheckpointReport(manifest=base.number, commit=base.commit)
        try:
            manifest = self._compacted(snapshot)
        except (NotFound, Internal) as error:
            if isinstance(error, Internal) and error.code != "missing":
                raise
            newest = self._log.refresh()
            if newest.number == snapshot.manifest.number:
                raise
            # It took so long that what it read, or wrote, was removed meanwhile.
            return CheckpointReport(manifest=newest.number, commit=newest.commit, lost=True)
        return self._publish(snapshot, manifest)

    def fence(self) -> bool:
        """Make a manifest that says the same as the newest one; return whether it is the newest now.

        Whoever wrote files for a manifest on the same base can no longer make it.
        """
        base = self._log.refresh()
        return self._create(self._next(base)) is Outcome.MADE

    def _create(self, manifest: Manifest) -> Outcome:
        """Create a manifest and take it over.

        :raises Unavailable: it is not known whether it was made.
        """
        data = encode_manifest(manifest)
        if not self._stored(manifest.number, data):
            return Outcome.LOST
        if any(True for _newer in self._manifests.after(manifest.number)):
            self._log.refresh()
            return Outcome.OVERTAKEN
        self._log.adopt(replace(manifest, own=digest_of(data)))
        return Outcome.MADE

    def _stored(self, number: int, data: bytes) -> bool:
        """Store a manifest durably; return False when another one has its number.

        True also when nobody can tell any more: the number was taken, and newer
        manifests have taken its place.
        """
        failure: Error = Unavailable(f"manifest {number} could not be stored")
        for _ in range(_ATTEMPTS):
            try:
                self._manifests.create(number, data)
                return True
            except (Conflict, Unavailable) as error:
                failure = error
            try:
                if digest_of(self._manifests.read(number)) != digest_of(data):
                    return False
                self._manifests.persist([number])
                return True
            except Unavailable as error:
                failure = error  # nobody knows, or it is there and not durable
            except NotFound:
                continue  # not there: the same bytes once more
        if isinstance(failure, Conflict):
            if not any(True for _newer in self._manifests.after(number)):
                raise missing(numbered(MANIFESTS, number), "its number was given away")
            return True
        raise failure

    def _compacted(self, snapshot: Snapshot) -> Manifest:
        written: list[str] = []
        try:
            types = self._merged(snapshot, written)
        except Error:
            # For want of room, perhaps: what no manifest names must not take the rest of it.
            with suppress(Error):
                self._ost.delete_many(written)
            raise
        floor, groups = _pruned(snapshot.groups, snapshot.floor, self._options.keep_groups)
        return self._next(
            snapshot.manifest, snapshot=snapshot, types=types, floor=floor, groups=groups
        )

    def _merged(self, snapshot: Snapshot, written: list[str]) -> Mapping[str, TypeFiles]:
        """Return the files of every type; ``written`` gets the keys of new ones before they are there."""
        types: dict[str, TypeFiles] = dict(snapshot.manifest.types)
        for name, changes in snapshot.changes.items():

            def new_id(name: str = name) -> str:
                made = self._clock.new_id()
                written.append(f"{DATA}{name}/{made}")
                return made

            types[name] = compact(
                self._ost,
                name,
                types.get(name, _NONE),
                sorted((key, item[1]) for key, item in changes.items()),
                options=self._compaction,
                cache=self._cache,
                new_id=new_id,
            )
        return types

    def _next(
        self,
        base: Manifest,
        *,
        snapshot: Snapshot | None = None,
        types: Mapping[str, TypeFiles] | None = None,
        groups: Mapping[str, int] | None = None,
        floor: int | None = None,
    ) -> Manifest:
        return Manifest(
            number=base.number + 1,
            cluster=base.cluster,
            arbiter=base.arbiter,
            previous=base.own,
            commit=snapshot.commit if snapshot else base.commit,
            digest=snapshot.digest if snapshot else base.digest,
            created=self._clock.now(),
            floor=base.floor if floor is None else floor,
            groups=base.groups if groups is None else groups,
            types=base.types if types is None else types,
        )

    def _publish(self, snapshot: Snapshot, manifest: Manifest) -> CheckpointReport:
        old, new = snapshot.manifest.files(), manifest.files()
        added = [info for key, info in new.items() if key not in old]
        outcome = self._create(manifest)
        if outcome is Outcome.LOST:
            self._ost.delete_many([info.key for info in added])
        if outcome is not Outcome.MADE:
            manifest = self._log.refresh()
        return CheckpointReport(
            manifest=manifest.number,
            commit=manifest.commit,
            entries=sum(map(len, snapshot.changes.values())),
            written=sum(info.size for info in added),
            lost=outcome is Outcome.LOST,
        )


def _pruned(groups: Mapping[str, int], floor: int, keep: int) -> tuple[int, Mapping[str, int]]:
    """Forget the groups that were moved longest ago when there are twice as many as to be kept."""
    if len(groups) <= 2 * keep:
        return floor, groups
    floor = sorted(groups.values(), reverse=True)[keep]
    return floor, {name: at for name, at in groups.items() if at > floor}
