"""Making one place what another one is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ostler.errors import Conflict, Error, NotFound
from ostler.spi.storage import ObjectInfo

from .comparing import Pair, Verdict, joined, judge
from .contents import same_bytes
from .places import Place
from .removing import remove_keys
from .reports import Report, Task
from .sources import ObjectSource, observed
from .spooling import Spool
from .trees import copy_one
from .workers import in_parallel

__all__ = ["Rule", "Step", "sync"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a sync is to do.

    :param delete: remove what the source has not, after everything was copied.
    :param checksum: compare bytes wherever sizes are equal, whatever the times say.
    """

    delete: bool = False
    checksum: bool = False


_DEFAULT = Rule()


@dataclass(frozen=True, slots=True)
class Step:
    """Something that a sync would do.

    :param action: ``"copy"`` or ``"delete"``.
    :param size: of the object, in bytes.
    :param reason: a value of `Verdict`.
    """

    action: str
    name: str
    size: int
    reason: str


def sync(
    source: Place,
    target: Place,
    task: Task,
    rule: Rule = _DEFAULT,
    planned: Callable[[Step], None] | None = None,
) -> Report:
    """Copy to ``target`` what is missing there or different; with ``rule.delete`` remove the rest.

    Both listings are read side by side, so memory does not depend on their
    length. Each object is stored whole or not at all, so what was interrupted
    goes on by doing it again. What fails or vanishes is in the report, and stops
    nothing else but the removal: of that there is none when anything failed.

    :param planned: do nothing, but tell this what would be done. From any
        thread, one call at a time.
    :raises Conflict: ``task.stop`` was set (code ``"cancelled"``).
    :raises Error: one of the two cannot be listed.
    """
    return _Sync(source, target, task, rule, planned).run()


class _Sync:
    def __init__(
        self,
        source: Place,
        target: Place,
        task: Task,
        rule: Rule,
        planned: Callable[[Step], None] | None,
    ) -> None:
        self._source, self._target = source, target
        self._task, self._rule, self._planned = task, rule, planned
        self._lock = threading.Lock()
        self._blocked: list[str] = []
        self.report = Report()

    def run(self) -> Report:
        with Spool() as extra:
            in_parallel(self._due(extra), self._bring, self._task)
            if not self._planned and not self.report.failed:
                extras = self._still_extra(extra)
                remove_keys(self._target.storage, extras, self._task, self.report)
        in_parallel(self._blocked, self._copy_blocked, self._task)
        return self.report

    def _due(self, extra: Spool) -> Iterator[tuple[Pair, Verdict]]:
        """Yield what may have to be copied; put aside what only the target has."""
        for pair in joined(self._source.objects(), self._target.objects()):
            verdict = judge(pair, checksum=self._rule.checksum)
            if verdict is Verdict.EXTRA:
                self._put_aside(pair, extra)
            elif verdict is Verdict.SAME:
                self.report.add_same()
            elif verdict is Verdict.UNSURE or not self._planned_copy(pair, verdict):
                yield pair, verdict

    def _put_aside(self, pair: Pair, extra: Spool) -> None:
        assert pair.target is not None
        if self._rule.delete:
            extra.add(pair.target.key)
            self._plan("delete", pair.name, pair.target, Verdict.EXTRA)

    def _bring(self, due: tuple[Pair, Verdict]) -> None:
        pair, verdict = due
        if verdict is Verdict.UNSURE:
            verdict = self._compared(pair)
        if verdict is Verdict.SAME:
            self.report.add_same()
        elif verdict is not Verdict.UNSURE and not self._planned_copy(pair, verdict):
            self._copy(pair.name)

    def _copy(self, name: str) -> None:
        failed = self._failed if self._rule.delete else None
        copy_one(
            self._source, self._target, name, self._task, self.report, settled=True, failed=failed
        )

    def _failed(self, name: str, error: Error) -> None:
        """Keep for later what cannot be beside another key: that one may be about to go.

        ``a`` keeps ``a/b`` from being stored where keys are files.
        """
        if isinstance(error, Conflict) and error.code == "key_conflict":
            self._blocked.append(name)
        else:
            self.report.add_failure(name, error)

    def _compared(self, pair: Pair) -> Verdict:
        """Return SAME or CONTENT by the bytes; UNSURE when that failed and was reported."""
        try:
            same = self._has_same_bytes(pair)
        except NotFound:
            return Verdict.CONTENT  # one of them is no more: a copy sees which
        except Error as error:
            if self._task.ended_by(error):
                raise
            self.report.add_failure(pair.name, error)
            return Verdict.UNSURE
        return Verdict.SAME if same else Verdict.CONTENT

    def _has_same_bytes(self, pair: Pair) -> bool:
        assert pair.source is not None
        assert pair.target is not None
        with (
            ObjectSource(self._source.storage, pair.source.key) as source,
            self._target.storage.get(pair.target.key) as target,
            observed(source, pair.name, pair.source.size, self._task) as metered,
        ):
            same = same_bytes(metered, target)
            if not same:
                metered.give_up()  # it is read once more, to be copied
            return same

    def _planned_copy(self, pair: Pair, verdict: Verdict) -> bool:
        assert pair.source is not None
        return self._plan("copy", pair.name, pair.source, verdict)

    def _plan(self, action: str, name: str, info: ObjectInfo, verdict: Verdict) -> bool:
        """Tell what would be done; return whether that is all there is to do."""
        if self._planned is None:
            return False
        with self._lock:
            self._planned(Step(action, name, info.size, verdict.value))
        return True

    def _copy_blocked(self, name: str) -> None:
        copy_one(self._source, self._target, name, self._task, self.report, settled=True)

    def _still_extra(self, keys: Iterable[str]) -> Iterator[str]:
        """Leave out what the source has after all, where its listing may not have shown it."""
        if self._source.storage.capabilities.consistent_list:
            yield from keys
            return
        for key in keys:
            name = key.removeprefix(self._target.prefix)
            if not self._source.storage.exists(self._source.prefix + name):
                yield key
