"""The graph of a run config, worked out once: order, parents, children."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from .config import RunConfig, TaskConfig

__all__ = ["Graph", "graph_of"]

_KEPT = 128


@dataclass(frozen=True, slots=True)
class Graph:
    """The tasks of a run config in order, and how they hang together.

    :param order: task ids by level, then name (then id).
    :param rank: place of each task in ``order``.
    :param roots: ranks of the tasks without parents.
    :param parents: ids of each task's parents, in order.
    :param children: ranks of each task's children, in order.
    """

    order: tuple[str, ...]
    rank: Mapping[str, int]
    roots: tuple[int, ...]
    parents: Mapping[str, tuple[str, ...]]
    children: Mapping[str, tuple[int, ...]]


class _Same:
    """A key that is equal only for the very same config."""

    __slots__ = ("config",)

    def __init__(self, config: RunConfig) -> None:
        self.config = config

    def __hash__(self) -> int:
        return id(self.config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.config is other.config


def graph_of(config: RunConfig) -> Graph:
    """Return the graph of a run config; the last few are kept."""
    return _graph(_Same(config))


@lru_cache(maxsize=_KEPT)
def _graph(key: _Same) -> Graph:
    tasks = key.config.tasks
    order = tuple(sorted(tasks, key=lambda one: (tasks[one].level, tasks[one].name, one)))
    rank = {task_id: place for place, task_id in enumerate(order)}
    parents = {task_id: _parents(tasks[task_id], rank) for task_id in order}
    return Graph(
        order=order,
        rank=rank,
        roots=tuple(rank[task_id] for task_id in order if not parents[task_id]),
        parents=parents,
        children=_children(order, parents),
    )


def _parents(task: TaskConfig, rank: Mapping[str, int]) -> tuple[str, ...]:
    parents = {dependency.task_id for dependency in task.depends}
    return tuple(sorted(parents, key=rank.__getitem__))


def _children(
    order: Sequence[str], parents: Mapping[str, Sequence[str]]
) -> dict[str, tuple[int, ...]]:
    children: dict[str, list[int]] = {task_id: [] for task_id in order}
    for place, task_id in enumerate(order):
        for parent in parents[task_id]:
            children[parent].append(place)
    return {task_id: tuple(places) for task_id, places in children.items()}
