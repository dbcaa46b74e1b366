from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ostler.runs.config import Dependency, RunConfig, TaskConfig

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


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A run config file without a mistake.

    :param runs: in the order of the file, also those that do not match.
    """

    path: Path
    runs: tuple[ParsedRun, ...]


def resolve(parsed: ParsedRun, *, new_id: Callable[[], str]) -> RunConfig:
    """Make a run config: every call gives it and its tasks new ids."""
    config_id = new_id()
    ids = {task.name: new_id() for task in parsed.tasks}
    tasks = [_with_ids(task, ids) for task in parsed.tasks]
    return RunConfig(id=config_id, name=parsed.name, tasks={task.id: task for task in tasks})


def _with_ids(task: TaskConfig, ids: dict[str, str]) -> TaskConfig:
    depends = tuple(Dependency(ids[one.task_id], one.conditions) for one in task.depends)
    return replace(task, id=ids[task.name], depends=depends)
