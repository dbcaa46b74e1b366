"""Runs and tasks as policies and observers see them."""

from __future__ import annotations

from ostler.spi.runs import RunView, TaskView

from .config import RunConfig
from .model import Run

__all__ = ["run_view", "task_view"]


def run_view(run: Run) -> RunView:
    """Return what a policy or an observer sees of a run."""
    return RunView(
        id=run.id,
        name=run.name,
        counter=run.counter,
        group=run.group,
        phase=run.phase.value,
        result=run.result.value,
        annotations=run.annotations,
    )


def task_view(run: Run, config: RunConfig, task_id: str) -> TaskView:
    """Return what a policy sees of a task of a run."""
    task = config.tasks[task_id]
    return TaskView(
        id=task.id,
        run_id=run.id,
        name=task.name,
        arch=task.arch,
        labels=task.labels,
        privileged=any(container.privileged for container in task.containers),
        annotations=run.tasks[task_id].annotations,
        approvals=task.approvals,
    )
