"""A run that this process owns: its state in memory, and what one turn makes of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ostler.runs.advance import Mark, advance
from ostler.runs.config import RunConfig, TaskConfig
from ostler.runs.model import ExecutorTaskRef, Phase, Run, Status, Task
from ostler.runs.reports import TaskReport, apply_reports
from ostler.services.api import ExecutorStatus

from .ancestry import Ancestry
from .waiting import Waiting

__all__ = ["LiveRun", "Turn"]


@dataclass(slots=True)
class Turn:
    """What one turn makes of a run; nothing of it is true before it is stored.

    :param moved: tasks that changed since the run was last advanced; None: look at all.
    :param mark: how far `advance` had come.
    :param changed: tasks whose state differs from what is stored.
    :param ended: tasks whose executor task is over.
    :param started: executor by task that it is given in this turn.
    :param ignored: reports that would have moved a final task.
    :param full: more tasks could start, in another turn.
    """

    run: Run
    moved: set[str] | None = None
    mark: Mark | None = None
    changed: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    started: dict[str, str] = field(default_factory=dict)
    ignored: list[TaskReport] = field(default_factory=list)
    full: bool = False

    def replace_task(self, task: Task) -> None:
        """Put another state of a task in."""
        self.run = replace(self.run, tasks={**self.run.tasks, task.id: task})
        self.changed.add(task.id)

    def move(self, task_ids: Iterable[str]) -> None:
        """Note that tasks changed in a way that others may depend on."""
        if self.moved is not None:
            self.moved.update(task_ids)


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
        self._mark: Mark | None = None
        self._fresh = True

    @property
    def restless(self) -> bool:
        """Whether something else than a report may move it: a free slot, its place in the group."""
        return bool(self.waiting) or self.run.phase is Phase.QUEUED

    def abandoned(self, status: ExecutorStatus, now: float) -> list[TaskReport]:
        """Return the ends of tasks that an earlier life of an executor was given and no longer knows."""
        return [
            _abandoned(self.run.tasks[task_id], now)
            for task_id, executor_id in self.active.items()
            if executor_id == status.id and task_id not in (status.tasks or ())
        ]

    def begin(self, reports: Sequence[TaskReport]) -> Turn:
        """Begin a turn with what executors reported."""
        turn = Turn(self.run, moved=None if self._fresh else set(), mark=self._mark)
        if self._fresh:
            self.waiting.clear()
        turn.run, applied = apply_reports(self.run, reports)
        for report in applied:
            turn.changed.add(report.task_id)
            turn.move([report.task_id])
            if report.status.final and report.task_id in self.active:
                turn.ended.add(report.task_id)
        if len(applied) < len(reports):
            turn.ignored = [report for report in reports if report not in applied]
        return turn

    def advance(self, turn: Turn, now: float) -> None:
        """Advance the run as far as it goes; tasks that may start go to those that wait."""
        refs = {
            task_id: ExecutorTaskRef(task_id)
            for task_id in (*self.active, *turn.started)
            if task_id not in turn.ended
        }
        advanced = advance(turn.run, self.config, refs, now=now, changed=turn.moved, mark=turn.mark)
        turn.run, turn.moved, turn.mark = advanced.run, set(), advanced.mark
        turn.changed |= advanced.changed
        self.waiting.add(self.config.tasks[task_id] for task_id in advanced.to_submit)
        if turn.run.stop:
            self.waiting.clear()

    def start(self, turn: Turn, task: TaskConfig, executor_id: str) -> None:
        """Note that a task goes to an executor."""
        turn.started[task.id] = executor_id
        self.explain(turn, task, "")

    def fail(self, turn: Turn, task: TaskConfig, reason: str, now: float) -> None:
        """Note that a task can never start."""
        state = turn.run.tasks[task.id]
        turn.replace_task(replace(state, status=Status.FAILED, reason=reason, end_time=now))
        turn.move([task.id])

    def explain(self, turn: Turn, task: TaskConfig, reason: str) -> None:
        """Note why a task waits."""
        state = turn.run.tasks[task.id]
        if state.reason != reason:
            turn.replace_task(replace(state, reason=reason))

    def commit(self, turn: Turn, revision: int) -> None:
        """Take over what was stored; ``revision``: of the header, 0 when it was not written."""
        self.run = replace(turn.run, revision=revision or self.run.revision)
        for task_id in turn.ended:
            del self.active[task_id]
        self.active.update(turn.started)
        self._mark = turn.mark
        self._fresh = turn.moved is None

    def reload(self, run: Run) -> None:
        """Begin again with what somebody else stored."""
        self.run = run
        self._mark = None
        self._fresh = True


def _abandoned(task: Task, now: float) -> TaskReport:
    return TaskReport(
        task_id=task.id,
        status=Status.FAILED,
        setup=task.setup,
        steps=task.steps,
        start_time=task.start_time,
        end_time=now,
        reason="executor restarted",
    )
