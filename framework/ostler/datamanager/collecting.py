"""Garbage: what no manifest that is kept needs, removed when it is old enough."""

from __future__ import annotations

from dataclasses import dataclass

from ostler.clock import Clock
from ostler.errors import NotFound
from ostler.ost import ObjectStorage

from .checkpointing import Checkpointer
from .log import Log
from .manifest import Manifest
from .names import DATA, MANIFESTS, PROBES, number_of, numbered
from .options import Options
from .sequences import Sequence

__all__ = ["CollectReport", "Collector"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectReport:
    """What was removed.

    :param commits: objects of the log.
    :param files: data files.
    """

    commits: int = 0
    manifests: int = 0
    files: int = 0


class Collector:
    """Removes garbage. Repeating it, at once or after a crash, is right; several may do it together.

    Ages are told by the storage's own clock: that of an object just written
    against those of the others.
    """

    def __init__(
        self,
        ost: ObjectStorage,
        log: Log,
        wals: Sequence,
        manifests: Sequence,
        checkpointer: Checkpointer,
        *,
        clock: Clock,
        options: Options,
    ) -> None:
        self._ost, self._log = ost, log
        self._wals, self._manifests, self._checkpointer = wals, manifests, checkpointer
        self._clock, self._options = clock, options
        self._known: dict[int, Manifest] = {}

    def collect(self) -> CollectReport:
        """Remove what is not needed and older than the grace period."""
        try:
            return self._collect()
        except NotFound:
            return CollectReport()  # somebody else collects at the same time: they do it

    def _collect(self) -> CollectReport:
        old = self._old_before()
        self._remove_probes(old)
        files = self._remove_files(old)
        kept = self._kept(old)
        if not kept or self._modified(kept[0].number) >= old:
            return CollectReport(files=files)
        # What only a manifest covers that a loss of power would take must stay:
        # who made it may have died before it was durable.
        self._manifests.persist([manifest.number for manifest in kept])
        # A reader that listed the manifests a moment ago may want one that goes
        # now: it looks again. The log goes after the manifests that need it.
        manifests = self._manifests.remove(kept[0].number - 1)
        commits = self._wals.remove(kept[0].commit)
        return CollectReport(commits=commits, manifests=manifests, files=files)

    def _old_before(self) -> float:
        """Return the modification time before which something is older than the grace period."""
        key = f"{PROBES}{self._clock.new_id()}"
        self._ost.put(key, b"", persist=False)
        now = self._ost.stat(key).modified  # the storage's clock, which a put need not tell
        self._ost.delete(key)
        return now - self._options.grace

    def _remove_probes(self, old: float) -> None:
        """Remove the probes of who died over them."""
        self._ost.delete_many(
            [info.key for info in self._ost.objects(PROBES) if info.modified < old]
        )

    def _modified(self, number: int) -> float:
        return self._ost.stat(numbered(MANIFESTS, number)).modified

    def _kept(self, old: float) -> list[Manifest]:
        """Return the manifests that are kept, oldest first: the newest, and what was so lately.

        What the one after it does not name as its predecessor is none: somebody
        who was held up for long put it into a number that had been removed.
        """
        kept: list[Manifest] = []
        successor = float("inf")
        for number, modified in reversed(self._listed()):
            if len(kept) >= self._options.keep_manifests and successor < old:
                break
            manifest = self._read(number)
            if kept and not kept[-1].follows(manifest):
                break
            kept.append(manifest)
            successor = modified
        self._known = {manifest.number: manifest for manifest in kept}
        return kept[::-1]

    def _listed(self) -> list[tuple[int, float]]:
        infos = ((number_of(info.key), info.modified) for info in self._ost.objects(MANIFESTS))
        return [(number, modified) for number, modified in infos if number is not None]

    def _read(self, number: int) -> Manifest:
        if number not in self._known:
            self._known[number] = self._log.read_manifest(number)
        return self._known[number]

    def _remove_files(self, old: float) -> int:
        """Remove data files that no manifest names, not even one that is on its way."""
        orphans = self._orphans(old)
        if not orphans:
            return 0
        if not self._checkpointer.fence():
            return 0  # somebody made a manifest just now, perhaps with them: next time
        named = self._named(old)
        unnamed = [key for key in orphans if key not in named]
        self._ost.delete_many(unnamed)
        return len(unnamed)

    def _orphans(self, old: float) -> list[str]:
        named = self._named(old)
        return [
            info.key
            for info in self._ost.objects(DATA)
            if info.modified < old and info.key not in named
        ]

    def _named(self, old: float) -> set[str]:
        """Return the keys of the files that kept manifests name."""
        return {key for manifest in self._kept(old) for key in manifest.files()}
