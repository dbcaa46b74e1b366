"""Tasks that could start but for an executor."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from ostler.runs.config import TaskConfig

__all__ = ["Waiting"]

Requirements = tuple[str, tuple[tuple[str, str], ...], bool]


class Waiting:
    """Runnable tasks in order, apart by what they ask of an executor.

    When one cannot be placed, neither can the others of its kind: so a full
    executor costs one question, not one per task, and no kind holds up another.
    """

    def __init__(self) -> None:
        self._kinds: dict[Requirements, deque[TaskConfig]] = {}

    def __bool__(self) -> bool:
        return bool(self._kinds)

    def add(self, tasks: Iterable[TaskConfig]) -> None:
        """Append tasks, in the order in which they shall start."""
        for task in tasks:
            self._kinds.setdefault(_requirements(task), deque()).append(task)

    def take(self, place: Callable[[TaskConfig], bool]) -> None:
        """Offer tasks to ``place``, and let go of those for which it is true.

        A kind is left for now at the first task that cannot be placed.
        """
        for kind, tasks in list(self._kinds.items()):
            while tasks and place(tasks[0]):
                tasks.popleft()
            if not tasks:
                del self._kinds[kind]

    def clear(self) -> None:
        """Hold nothing any more."""
        self._kinds.clear()


def _requirements(task: TaskConfig) -> Requirements:
    privileged = any(container.privileged for container in task.containers)
    return task.arch, tuple(sorted(task.labels.items())), privileged
