from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from ostler.runs.config import Dependency, RunConfig, StepConfig, TaskConfig

__all__ = ["ConfigFile", "ParsedRun", "resolve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedRun:
    """A run as a file describes it: complete, but for the ids.

    :param tasks: in the order of the file, with names where ids belong.
    :param matches: whether its ``when`` matches; if not, it is to be left out.
    """

    name: str
    tasks: tuple[TaskConfig, ...]
    matches: bool = True

    def steps(self) -> Iterator[StepConfig]:
        """Return the steps of all tasks that are not skipped."""
        return (step for task in self.tasks if not task.skip for step in task.steps)


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A run config file without a mistake.

    :param runs: in the order of the file, also those that do not match.
    """

    path: Path
    runs: tuple[ParsedRun, ...]


def resolve(
    parsed: ParsedRun,
    *,
    new_id: Callable[[], str],
    environment: Mapping[str, str] = MappingProxyType({}),
) -> RunConfig:
    """Make a run config: every call gives it and its tasks new ids.

    :param environment: of the run, given to every task.
    """
    config_id = new_id()
    ids = {task.name: new_id() for task in parsed.tasks}
    tasks = [_with_ids(task, ids) for task in parsed.tasks]
    return RunConfig(
        id=config_id,
        name=parsed.name,
        tasks={task.id: task for task in tasks},
        environment=dict(environment),
    )


def _with_ids(task: TaskConfig, ids: dict[str, str]) -> TaskConfig:
    depends = tuple(Dependency(ids[one.task_id], one.conditions) for one in task.depends)
    return replace(task, id=ids[task.name], depends=depends)
