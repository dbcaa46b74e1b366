"""What may be done to a run from outside. Each returns the new run, or says why not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from ostler.errors import BadRequest, Conflict, Internal, NotFound

from .model import Phase, Run, Status, Task

__all__ = [
    "add_approver",
    "approve",
    "approvers",
    "cancel",
    "set_annotations",
    "start",
    "stop",
]

_APPROVERS = "approvers"


def start(run: Run, now: float) -> Run:
    """Start a queued run. That no other run of its group runs is the caller's to know.

    :raises Conflict: it is not queued.
    """
    _expect(run, Phase.QUEUED, "start")
    return replace(run, phase=Phase.RUNNING, start_time=now)


def cancel(run: Run, now: float) -> Run:
    """Cancel a queued run, with every task that is not final.

    :raises Conflict: it is not queued.
    """
    _expect(run, Phase.QUEUED, "cancel")
    tasks = {task_id: _cancelled(task, now) for task_id, task in run.tasks.items()}
    return replace(run, phase=Phase.CANCELLED, tasks=tasks, end_time=now)


def stop(run: Run) -> Run:
    """Ask a running run to stop; `advance` and its executors carry it out. Idempotent.

    :raises Conflict: it is not running.
    """
    _expect(run, Phase.RUNNING, "stop")
    return run if run.stop else replace(run, stop=True)


def approve(run: Run, task_id: str) -> Run:
    """Approve a task that waits for approval.

    :raises Conflict: it does not wait for approval.
    :raises NotFound: the run has no such task.
    """
    task = _waiting(run, task_id)
    return _with(run, replace(task, approved=True, waiting_approval=False))


def set_annotations(run: Run, task_id: str, annotations: Mapping[str, str]) -> Run:
    """Replace the annotations of a task.

    :raises NotFound: the run has no such task.
    """
    return _with(run, replace(_task(run, task_id), annotations=dict(annotations)))


def approvers(task: Task) -> list[str]:
    """Return the ids of the users who have approved a task, in their order.

    :raises Internal: the annotation is damaged.
    """
    text = task.annotations.get(_APPROVERS, "[]")
    try:
        listed = json.loads(text)
    except ValueError:
        listed = None
    if not isinstance(listed, list) or not all(isinstance(user, str) for user in listed):
        raise Internal(
            f"the annotation {_APPROVERS!r} of task {task.id} is no JSON list of user ids: {text}"
        )
    return listed


def add_approver(run: Run, task_id: str, user: str) -> Run:
    """Note that ``user`` approves a task. It does not approve the task: the scheduler does.

    :raises BadRequest: the user has approved it already.
    :raises Conflict: it does not wait for approval.
    :raises NotFound: the run has no such task.
    """
    task = _waiting(run, task_id)
    listed = approvers(task)
    if user in listed:
        raise BadRequest(f"{user} has approved task {task_id} already: it takes another person")
    text = json.dumps([*listed, user], ensure_ascii=False)
    return set_annotations(run, task_id, {**task.annotations, _APPROVERS: text})


def _cancelled(task: Task, now: float) -> Task:
    if task.status.final:
        return task
    return replace(
        task,
        status=Status.CANCELLED,
        end_time=now,
        reason="the run was cancelled before it started",
    )


def _expect(run: Run, phase: Phase, action: str) -> None:
    if run.phase is not phase:
        raise Conflict(
            f"cannot {action} run {run.id}: it is {run.phase.value}, and only "
            f"a {phase.value} run can be"
        )


def _task(run: Run, task_id: str) -> Task:
    task = run.tasks.get(task_id)
    if task is None:
        raise NotFound(f"run {run.id} has no task {task_id}")
    return task


def _waiting(run: Run, task_id: str) -> Task:
    task = _task(run, task_id)
    if run.phase is not Phase.RUNNING:
        raise Conflict(
            f"cannot approve a task of run {run.id}: it is {run.phase.value}, not running"
        )
    if not task.waiting_approval:
        state = "approved already" if task.approved else task.status.value
        raise Conflict(f"task {task_id} of run {run.id} does not wait for approval: it is {state}")
    return task


def _with(run: Run, task: Task) -> Run:
    return replace(run, tasks={**run.tasks, task.id: task})
