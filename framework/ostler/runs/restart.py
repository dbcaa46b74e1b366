"""New runs from old ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from ostler.errors import Conflict

from .config import Dependency, RunConfig, TaskConfig
from .creation import new_run
from .graph import graph_of
from .model import REASON, OutputPhase, Phase, Result, Run, Status, Step, StepPhase, Task

__all__ = ["HasOutputs", "restart_from_failed", "restart_from_scratch"]

HasOutputs = Callable[[Task, TaskConfig], bool]
"""Whether the logs and archives that a task says it left are really in object storage."""

_LOGLESS = (StepPhase.NOTSTARTED, StepPhase.CANCELLED)


def restart_from_scratch(
    run: Run, config: RunConfig, new_id: Callable[[], str]
) -> tuple[RunConfig, Run]:
    """Return a new run of the same config, and that config with new ids, all tasks fresh.

    Counter and enqueue time are the store's to give.

    :raises Conflict: the run is not over, or could never run.
    """
    _expect_over(run)
    return _renewed(run, config, list(config.tasks), new_id)


def restart_from_failed(
    run: Run, config: RunConfig, new_id: Callable[[], str], has_outputs: HasOutputs
) -> tuple[RunConfig, Run]:
    """Return a new run that carries on from what succeeded.

    Tasks that did not succeed, and all their descendants, get new ids and
    begin afresh; the others keep their ids and their whole state, so that both
    runs share their logs and archives.

    :raises Conflict: the run is not over, could never run, or was a success;
        or the logs or archives of a task that succeeded are not in object storage.
    """
    _expect_over(run)
    if run.result is Result.SUCCESS:
        raise Conflict(
            f"cannot restart run {run.id} from what failed: everything succeeded; "
            "restart it from scratch"
        )
    _expect_outputs(run, config, has_outputs)
    return _renewed(run, config, list(_to_renew(run, config)), new_id)


def _expect_over(run: Run) -> None:
    if run.phase is Phase.SETUPERROR:
        raise Conflict(
            f"cannot restart run {run.id}: its config has errors; mend it and make a new run"
        )
    if not run.phase.final:
        raise Conflict(f"cannot restart run {run.id}: it is still {run.phase.value}")


def _expect_outputs(run: Run, config: RunConfig, has_outputs: HasOutputs) -> None:
    for task_id, task_config in config.tasks.items():
        task = run.tasks[task_id]
        if task.status is not Status.SUCCESS:
            continue
        if not _stored(task) or not has_outputs(task, task_config):
            raise Conflict(
                f"cannot restart run {run.id} from what failed: logs or archives of task "
                f"{task_config.name!r} are not in object storage; restart it from scratch"
            )


def _stored(task: Task) -> bool:
    return task.archived and all(map(_log_stored, (task.setup, *task.steps)))


def _log_stored(step: Step) -> bool:
    return step.log is OutputPhase.FINISHED or step.phase in _LOGLESS


def _to_renew(run: Run, config: RunConfig) -> Iterator[str]:
    """Yield the tasks that did not succeed, and all their descendants."""
    graph = graph_of(config)
    renewed: set[str] = set()
    for task_id in graph.order:
        succeeded = run.tasks[task_id].status is Status.SUCCESS
        if not succeeded or not renewed.isdisjoint(graph.parents[task_id]):
            renewed.add(task_id)
            yield task_id


def _renewed(
    run: Run, config: RunConfig, renewed: list[str], new_id: Callable[[], str]
) -> tuple[RunConfig, Run]:
    run_id, config_id = new_id(), new_id()
    ids = {task_id: new_id() for task_id in renewed}
    tasks = [_renamed(task, ids) for task in config.tasks.values()]
    new_config = replace(config, id=config_id, tasks={task.id: task for task in tasks})
    annotations = {name: text for name, text in run.annotations.items() if name != REASON}
    fresh = new_run(new_config, run_id=run_id, group=run.group, annotations=annotations)
    kept = {task_id: task for task_id, task in run.tasks.items() if task_id not in ids}
    return new_config, replace(fresh, tasks={**fresh.tasks, **kept})


def _renamed(task: TaskConfig, ids: Mapping[str, str]) -> TaskConfig:
    depends = tuple(
        Dependency(ids.get(one.task_id, one.task_id), one.conditions) for one in task.depends
    )
    return replace(task, id=ids.get(task.id, task.id), depends=depends)
