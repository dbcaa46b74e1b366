"""Which workspace archives a task can restore."""

from __future__ import annotations

from ostler.runs.config import RunConfig, TaskConfig
from ostler.services.api import WorkspaceArchive

__all__ = ["Ancestry"]


class Ancestry:
    """The ancestors that leave workspace archives, of every task of a run config.

    Worked out once in order of level; tasks with the same such ancestors share one set.
    """

    def __init__(self, config: RunConfig) -> None:
        self._config = config
        self._archiving: dict[str, frozenset[str]] = {}
        for task in sorted(config.tasks.values(), key=lambda task: task.level):
            self._archiving[task.id] = self._inherited(task)

    def archives(self, task_id: str) -> tuple[WorkspaceArchive, ...]:
        """Return the archives of all ancestors, by level, then name, then step."""
        tasks = [self._config.tasks[ancestor] for ancestor in self._archiving[task_id]]
        tasks.sort(key=lambda task: (task.level, task.name))
        return tuple(
            WorkspaceArchive(task.name, task.id, number)
            for task in tasks
            for number, step in enumerate(task.steps)
            if step.archives
        )

    def _inherited(self, task: TaskConfig) -> frozenset[str]:
        own: list[str] = []
        sets: list[frozenset[str]] = []
        for dependency in task.depends:
            parent = self._config.tasks[dependency.task_id]
            sets.append(self._archiving[parent.id])
            if any(step.archives for step in parent.steps):
                own.append(parent.id)
        if len(sets) == 1 and not own:
            return sets[0]
        return frozenset(own).union(*sets)
