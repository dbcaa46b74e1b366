"""A run that this process owns: its state in memory, and how one turn changes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ostler.runs.advance import advance
from ostler.runs.config import RunConfig, TaskConfig
from ostler.runs.model import ExecutorTaskRef, Run, Status
from ostler.runs.reports import apply_report
from ostler.services.api import TaskReport

from .ancestry import Ancestry
from .waiting import Waiting

__all__ = ["LiveRun", "Turn"]


@dataclass(slots=True)
class Turn:
    """What one turn makes of a run; nothing of it is true before it is stored.

    :param changed: tasks whose state differs from what is stored.
    :param ended: tasks whose executor task is over.
    :param started: executor by task given to it in this turn.
    :param ignored: reports that would have moved a final task.
    """

    run: Run
    changed: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    started: dict[str, str] = field(default_factory=dict)
    ignored: list[TaskReport] = field(default_factory=list)


class LiveRun:
    """A run with what is needed to advance it without reading it again.

    :param active: executor by active executor task.
    """

    def __init__(self, run: Run, config: RunConfig, active: Mapping[str, str]) -> None:
        self.run = run
        self.config = config
        self.active = dict(active)
        self.ancestry = Ancestry(config)
        self.waiting = Waiting()
        self._fresh = True

    def turn(self, reports: Iterable[TaskReport], touched: Iterable[str], now: float) -> Turn:
        """Apply reports and advance as far as it goes.

        :param touched: other tasks that changed since the last turn.
        """
        turn = Turn(self.run)
        moved = set(touched)
        for report in reports:
            self._apply(turn, report, moved)
        refs = {task_id: ExecutorTaskRef(task_id) for task_id in self.active}
        for task_id in turn.ended:
            del refs[task_id]
        advanced = advance(turn.run, self.config, refs, now=now, changed=self._hint(moved))
        turn.run = advanced.run
        turn.changed |= advanced.changed
        self.waiting.add(self.config.tasks[task_id] for task_id in advanced.to_submit)
        if turn.run.stop:
            self.waiting.clear()
        return turn

    def start(self, turn: Turn, task: TaskConfig, executor_id: str) -> None:
        """Note in ``turn`` that a task goes to an executor."""
        turn.started[task.id] = executor_id
        if turn.run.tasks[task.id].reason:
            self.explain(turn, task.id, "")

    def explain(self, turn: Turn, task_id: str, reason: str) -> None:
        """Note in ``turn`` why a task waits."""
        task = turn.run.tasks[task_id]
        if task.reason != reason:
            replaced = replace(task, reason=reason)
            turn.run = replace(turn.run, tasks={**turn.run.tasks, task_id: replaced})
            turn.changed.add(task_id)

    def commit(self, turn: Turn, revision: int) -> None:
        """Take over what was stored at ``revision`` (of the header; 0: it was not written)."""
        self.run = replace(turn.run, revision=revision or self.run.revision)
        for task_id in turn.ended:
            del self.active[task_id]
        self.active.update(turn.started)
        self._fresh = False

    def reload(self, run: Run) -> None:
        """Begin again with what somebody else stored."""
        self.run = run
        self.waiting.clear()
        self._fresh = True

    def _hint(self, moved: set[str]) -> set[str] | None:
        if self._fresh or self.run.stop:
            return None
        return moved

    def _apply(self, turn: Turn, report: TaskReport, moved: set[str]) -> None:
        task_id = report.task_id
        turn.run, applied = apply_report(turn.run, report)
        if not applied:
            turn.ignored.append(report)
            return
        turn.changed.add(task_id)
        moved.add(task_id)
        if turn.run.tasks[task_id].status.final and task_id in self.active:
            turn.ended.add(task_id)


def failed_to_place(run: Run, task_id: str, reason: str, now: float) -> Run:
    """Return ``run`` with a task failed that no executor can ever take."""
    task = replace(run.tasks[task_id], status=Status.FAILED, reason=reason, end_time=now)
    return replace(run, tasks={**run.tasks, task_id: task})
