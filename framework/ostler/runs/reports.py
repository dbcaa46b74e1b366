"""What executors report of tasks, and what it does to a run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import zip_longest

from ostler.errors import NotFound

from .model import OutputPhase, Run, Status, Step, Task

__all__ = ["TaskReport", "apply_report", "apply_reports"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskReport:
    """The state of an executor task. Later reports of a task replace earlier ones.

    A final one is sent only after every log and archive that it calls
    `finished` is in object storage.
    """

    task_id: str
    status: Status
    setup: Step
    steps: tuple[Step, ...]
    start_time: float | None = None
    end_time: float | None = None
    reason: str = ""


def apply_reports(run: Run, reports: Iterable[TaskReport]) -> tuple[Run, list[TaskReport]]:
    """Return the run after reports, and those of them that brought anything new.

    A final task stays as it is but for logs and archives that have reached
    object storage since; a running one does not go back to not started. Logs
    and archives that were there once stay there.

    :raises NotFound: the run has no such task.
    """
    tasks = run.tasks
    changed: dict[str, Task] = {}
    applied: list[TaskReport] = []
    for report in reports:
        task = changed.get(report.task_id) or tasks.get(report.task_id)
        if task is None:
            raise NotFound(f"run {run.id} has no task {report.task_id}, which a report is about")
        new = _after(task, report)
        if new != task:
            changed[task.id] = new
            applied.append(report)
    return (replace(run, tasks={**tasks, **changed}) if changed else run), applied


def apply_report(run: Run, report: TaskReport) -> tuple[Run, bool]:
    """Return the run after one report, and whether it brought anything new; see `apply_reports`."""
    after, applied = apply_reports(run, [report])
    return after, bool(applied)


def _after(task: Task, report: TaskReport) -> Task:
    if task.status.final:
        return _with_outputs(task, report) if report.status is task.status else task
    if task.status is Status.RUNNING and report.status is Status.NOTSTARTED:
        return task
    return replace(
        task,
        status=report.status,
        setup=_kept(task.setup, report.setup),
        steps=_all_kept(task.steps, report.steps),
        start_time=report.start_time if task.start_time is None else task.start_time,
        end_time=report.end_time,
        reason=report.reason,
    )


def _with_outputs(task: Task, report: TaskReport) -> Task:
    """Return a task as it is, with what has reached object storage."""
    return replace(
        task,
        setup=_kept(report.setup, task.setup),
        steps=_all_kept(report.steps, task.steps),
    )


def _all_kept(stored: tuple[Step, ...], steps: tuple[Step, ...]) -> tuple[Step, ...]:
    pairs = zip_longest(stored, steps)
    return tuple(_kept(one or step, step or one) for one, step in pairs)


def _kept(stored: Step, step: Step) -> Step:
    """Return ``step``, with the log and the archive that ``stored`` says are in object storage."""
    done = OutputPhase.FINISHED
    log = done if stored.log is done else step.log
    archive = done if stored.archive is done else step.archive
    if log is step.log and archive is step.archive:
        return step
    return replace(step, log=log, archive=archive)
