"""Defects that are put into the datamanager on purpose: a simulator that does not find them proves nothing.

A mutant is a piece of the source of one function and what stands there
instead. One whose piece is no longer there does not apply, and its test says so.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["MUTANTS", "Mutant"]

_PACKAGE = "ostler.datamanager"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A defect.

    :param what: a sentence; with the number of the defect of Agola's datamanager that it repeats, if any.
    :param where: ``module:function`` or ``module:Class.method``, below the datamanager.
    :param old: occurs once in its source.
    :param quick: found within a few seconds, so the default test run tries it.
    """

    name: str
    what: str
    where: str
    old: str
    new: str
    quick: bool = False

    def apply(self) -> Callable[[], None]:
        """Put the defect in, and return what takes it out again."""
        module_name, _, path = self.where.partition(":")
        module = importlib.import_module(f"{_PACKAGE}.{module_name}")
        *parents, name = path.split(".")
        owner: Any = module
        for parent in parents:
            owner = getattr(owner, parent)
        right = inspect.getattr_static(owner, name)
        wrong = self._mutated(right, vars(module), parents)
        places = [(owner, name)] if parents else _places(right)
        for place, attribute in places:
            setattr(place, attribute, wrong)

        def undo() -> None:
            for place, attribute in places:
                setattr(place, attribute, right)

        return undo

    def _mutated(self, right: Any, scope: dict[str, Any], parents: list[str]) -> Any:
        source = textwrap.dedent(inspect.getsource(right))
        count = source.count(self.old)
        assert count == 1, f"{self.name}: {self.old!r} occurs {count} times in {self.where}"
        source = source.replace(self.old, self.new)
        if parents:
            source = source.replace("super()", f"super({parents[-1]}, self)")
        code = compile(f"from __future__ import annotations\n{source}", self.where, "exec")
        made: dict[str, Any] = {}
        exec(code, scope, made)
        return made[right.__name__]


def _places(function: Any) -> list[tuple[Any, str]]:
    """Return where a function of a module is known by name."""
    modules = [each for key, each in sys.modules.items() if key.startswith(_PACKAGE)]
    return [
        (module, name)
        for module in modules
        for name, value in list(vars(module).items())
        if value is function
    ]


_ALL = (
    Mutant(
        name="log-not-durable",
        what="a commit is acknowledged before its object is durable (17, 21)",
        where="sequences:StorageSequence.create",
        old="data, if_absent=True)",
        new="data, if_absent=True, persist=False)",
        quick=True,
    ),
    Mutant(
        name="marker-not-durable",
        what="an object that another process stored is taken for durable",
        where="arbitration:KvSequence.create",
        old="self.persist([number])",
        new="pass",
    ),
    Mutant(
        name="failure-acknowledged",
        what="a commit is acknowledged though storing its object failed (17)",
        where="log:Log._attempt",
        old="if not self._stored(batch, error):\n            return False",
        new="pass",
        quick=True,
    ),
    Mutant(
        name="late-create-unchecked",
        what="an object created in a collected number is taken for a commit (invariant 8)",
        where="log:Log._conclude",
        old="covered = self._covered(batch.number)",
        new="covered = False",
    ),
    Mutant(
        name="never-stale",
        what="what was seen before a long sleep still counts",
        where="log:Log._covered",
        old="if self._freshness.stale:",
        new="if False:",
    ),
    Mutant(
        name="gap-unseen",
        what="recovery ends at a missing object though later ones are there (10, 22)",
        where="recovery:_read",
        old="return expected",
        new="return None",
        quick=True,
    ),
    Mutant(
        name="chain-unchecked",
        what="recovery does not look at the hash chain",
        where="recovery:_read",
        old="or batch.previous != state.digest",
        new="",
    ),
    Mutant(
        name="log-checksum-unchecked",
        what="a damaged object of the log, or a damaged manifest, is accepted (11)",
        where="sealing:unseal",
        old="if _digest(memoryview(data)[:-DIGEST_SIZE]) != digest_of(data):",
        new="if False:",
    ),
    Mutant(
        name="own-retry-unknown",
        what="a retry of one's own commit is taken for somebody else's, and committed again",
        where="log:Log._stored",
        old="if digest_of(found) == batch.digest:",
        new="if False:",
    ),
    Mutant(
        name="batch-not-checked-again",
        what="a batch that lost its number is committed at the next one without another check",
        where="log:Log.append",
        old="transactions = tuple(select(state))",
        new="transactions = locals().get('transactions') or tuple(select(state))",
    ),
    Mutant(
        name="sync-stops-early",
        what="a read brings the state forward by one commit only",
        where="log:Log.sync",
        old="self.take(data, number)",
        new="self.take(data, number)\n                return self.state.commit",
    ),
    Mutant(
        name="predecessors-not-durable",
        what="a commit is built upon one that may be lost",
        where="log:Log._persist_before",
        old="while (first := self.durable + 1) < number:",
        new="while False:",
    ),
    Mutant(
        name="same-batch-unchecked",
        what="the check of groups misses earlier transactions of the same batch",
        where="committing:_winners",
        old="state.check(token, moved)",
        new="state.check(token)",
    ),
    Mutant(
        name="token-moves-nothing",
        what="a commit with a token does not move its groups",
        where="requests:request_of",
        old="(*(token.groups if token else ()), *groups)",
        new="tuple(groups)",
        quick=True,
    ),
    Mutant(
        name="any-group-conflicts",
        what="writers with disjoint groups conflict (6)",
        where="state:State.check",
        old="if group in moved or self.groups.get(group, 0) > token.number:",
        new="if moved or max(self.groups.values(), default=0) > token.number:",
    ),
    Mutant(
        name="same-number-wins",
        what="a token of the commit before the newest one still wins",
        where="state:State.check",
        old="> token.number:",
        new="> token.number + 1:",
    ),
    Mutant(
        name="groups-forgotten",
        what="a checkpoint forgets who moved which group",
        where="checkpointing:_pruned",
        old="return floor, groups",
        new="return floor, {}",
    ),
    Mutant(
        name="floor-forgotten",
        what="groups are forgotten and nobody remembers since when",
        where="checkpointing:_pruned",
        old="return floor, {",
        new="return 0, {",
    ),
    Mutant(
        name="number-of-another",
        what="the number that is returned is not that of the commit",
        where="committing:Committer._write",
        old="request.number = number or 0",
        new="request.number = (number or 0) + (len(chosen) > 1)",
    ),
    Mutant(
        name="nobody-leads",
        what="who waits is not told to lead the next batch",
        where="committing:Committer._hand_over",
        old="following.gate.open()",
        new="pass",
    ),
    Mutant(
        name="deletes-ignored",
        what="reads ignore deletes until the next checkpoint (2)",
        where="database:Datamanager._read",
        old="if item is None else item[1]",
        new="if item is None or item[1] is None else item[1]",
        quick=True,
    ),
    Mutant(
        name="scan-ignores-deletes",
        what="a scan shows what was deleted since the checkpoint (2)",
        where="views:scan_snapshot",
        old="for name, item in changed.items())",
        new="for name, item in changed.items() if item[1] is not None)",
    ),
    Mutant(
        name="first-write-wins",
        what="of several writes of an id the first is read (14)",
        where="state:State.apply",
        old="self.changes.setdefault(action.type, {})[action.id] = (number, data)",
        new="self.changes.setdefault(action.type, {}).setdefault(action.id, (number, data))",
        quick=True,
    ),
    Mutant(
        name="store-is-believed",
        what="a fresh read believes the key-value store about what is new (20)",
        where="database:Datamanager.read",
        old="if fresh:",
        new="head = Heads(self._kv).read() if fresh else None\n"
        "    if fresh and head is not None and head.commit > self._log.state.commit:",
    ),
    Mutant(
        name="undeclared-type",
        what="an undeclared type is committed (12)",
        where="database:Datamanager.commit",
        old="self._check_types(action.type for action in actions)",
        new="pass",
        quick=True,
    ),
    Mutant(
        name="checkpoint-loses-the-last",
        what="what is committed while a checkpoint is made is lost to reads (7)",
        where="state:State.adopt",
        old="if item[0] > manifest.commit}",
        new="if item[0] > manifest.commit + 1}",
    ),
    Mutant(
        name="late-checkpointer-wins",
        what="a checkpointer that slept rolls back what others made meanwhile (8)",
        where="checkpointing:Checkpointer._publish",
        old="outcome = self._create(manifest)",
        new="manifest = replace(manifest, number=self._log.refresh().number + 1)\n"
        "    outcome = self._create(manifest)",
    ),
    Mutant(
        name="manifest-overwritten",
        what="a manifest is put over another one's (8)",
        where="sequences:StorageSequence.create",
        old="if_absent=True)",
        new="if_absent=self.prefix != 'manifest/')",
    ),
    Mutant(
        name="files-not-durable",
        what="a manifest names files that are not durable",
        where="compaction:compact",
        old="storage.persist(info.key for info in after if info.key not in old)",
        new="pass",
        quick=True,
    ),
    Mutant(
        name="oldest-manifest",
        what="recovery begins with another manifest than the newest (1)",
        where="recovery:newest_manifest",
        old="number = max(manifests.after(0), default=0)",
        new="number = min(manifests.after(0), default=0)",
    ),
    Mutant(
        name="tombstones-dropped",
        what="a run of changes is written without its deletes",
        where="compaction:_Compaction._with_run",
        old="self._written(merge(sources),",
        new="self._written(live(merge(sources)),",
    ),
    Mutant(
        name="merge-oldest-wins",
        what="of several versions of an entry a merge keeps the oldest (14)",
        where="merging:_union",
        old="in reversed(batches):",
        new="in batches:",
    ),
    Mutant(
        name="runs-read-backwards",
        what="a read asks the oldest run first",
        where="layout:look_up",
        old="for run in files.runs:",
        new="for run in reversed(files.runs):",
    ),
    Mutant(
        name="last-entry-missing",
        what="the last entry of every file does not exist (4)",
        where="layout:_file_of",
        old="info.first <= id <= info.last",
        new="info.first <= id < info.last or info.first == id",
    ),
    Mutant(
        name="split-loses-an-entry",
        what="where a file is split a block is left out (3)",
        where="writing:write_batches",
        old="draft = _Draft(type)\n        draft.add(block, stored, length)",
        new="draft = _Draft(type)\n            continue\n        draft.add(block, stored, length)",
    ),
    Mutant(
        name="missing-file-is-empty",
        what="a missing data file counts as empty (10)",
        where="layout:batches_of",
        old='yield from open(info).batches(start if start > info.first else "")',
        new="try:\n            yield from open(info).batches(start if start > info.first else '')\n"
        "        except Exception:\n            return",
    ),
    Mutant(
        name="checksum-unchecked",
        what="a block is read without a look at its checksum",
        where="reading:FileReader._decoded",
        old="if crc32(stored) != place.check:",
        new="if False:",
    ),
    Mutant(
        name="no-fence",
        what="files are collected while a manifest that names them is on its way",
        where="collecting:Collector._remove_files",
        old="if not self._checkpointer.fence():",
        new="if False:",
    ),
    Mutant(
        name="no-grace",
        what="files are collected without a grace period",
        where="collecting:Collector._old_before",
        old="return now - self._options.grace",
        new="return now + 1",
    ),
    Mutant(
        name="kept-manifest-ignored",
        what="files that a kept manifest names are collected (invariant 7)",
        where="collecting:Collector._named",
        old="in self._kept(old) for key",
        new="in self._kept(old)[-1:] for key",
    ),
    Mutant(
        name="log-collected-too-far",
        what="commits that no manifest covers are collected (1)",
        where="collecting:Collector._collect",
        old="self._wals.remove(kept[0].commit)",
        new="self._wals.remove(self._log.state.commit)",
    ),
    Mutant(
        name="never-collected",
        what="the log is never collected (19)",
        where="sequences:StorageSequence.remove",
        old="self._ost.delete_many(keys)",
        new="pass",
    ),
    Mutant(
        name="watch-skips",
        what="a watch leaves a commit out (16)",
        where="watching:CommitWatch._following",
        old="if batch.number > self._at]",
        new="if batch.number > self._at + (len(recent) > 2)] or [recent[-1]]",
    ),
    Mutant(
        name="watch-believes-late-objects",
        what="a watch tells of an object that came late into a collected number",
        where="watching:CommitWatch._stored",
        old="if digests != expected:",
        new="if False:",
    ),
    Mutant(
        name="never-completed",
        what="nobody finishes what a dead writer had been given by the store (9)",
        where="arbitration:KvSequence.read",
        old="return self._complete(number) if stored is None else stored",
        new="return super().read(number) if stored is None else stored",
    ),
    Mutant(
        name="empty-store-is-not-rebuilt",
        what="a store that was emptied gives numbers away from where the writer believes to be (13)",
        where="arbitration:KvSequence._rebuild",
        old="number = max([self.floor(), *self.after(0)])",
        new="number = 0",
    ),
    Mutant(
        name="publishes-what-may-be-lost",
        what="the store is told of commits that a power loss may take",
        where="publishing:Publisher._head",
        old="self._log.durable",
        new="self._log.state.commit",
    ),
    Mutant(
        name="unknown-is-no",
        what="a commit that may be stored fails as if it certainly were not",
        where="log:Log._pause",
        old="raise Unknown(",
        new="raise Unavailable(",
    ),
)

MUTANTS = {mutant.name: mutant for mutant in _ALL}
"""By name."""
