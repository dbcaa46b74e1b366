"""The state in which runs and tasks begin."""

from __future__ import annotations

from collections.abc import Mapping

from .config import RunConfig, TaskConfig
from .model import OutputPhase, Phase, Run, Step, Task

__all__ = ["new_run", "new_task"]


def new_task(config: TaskConfig) -> Task:
    """Return a task that nobody has touched."""
    return Task(
        id=config.id,
        steps=tuple(
            Step(archive=OutputPhase.NOTSTARTED if step.archives else None) for step in config.steps
        ),
    )


def new_run(
    config: RunConfig, *, run_id: str, group: str, annotations: Mapping[str, str] | None = None
) -> Run:
    """Return a queued run of ``config``; a ``setuperror`` when the config cannot run.

    Counter and enqueue time are the store's to give.
    """
    return Run(
        id=run_id,
        config_id=config.id,
        name=config.name,
        group=group,
        phase=Phase.SETUPERROR if config.setup_errors else Phase.QUEUED,
        annotations=dict(annotations or {}),
        tasks={task.id: new_task(task) for task in config.tasks.values()},
    )
