"""The ``depends`` of tasks, in its three forms."""

from __future__ import annotations

from collections.abc import Sequence

from ostler.runs.config import Condition, Dependency, TaskConfig

from .graph import cycles, levels
from .node import Node
from .problems import meant

__all__ = ["check_graph", "read_depends", "task_levels"]

_CONDITIONS = {condition.value: condition for condition in Condition}
_FORMS = "a task's name, {task: NAME, conditions: [...]} or {NAME: [conditions]}"


def read_depends(node: Node | None) -> tuple[Dependency, ...]:
    """Read dependencies; their ``task_id`` is the name of the task."""
    if node is None:
        return ()
    found: dict[str, Dependency] = {}
    for item in node.items():
        dependency = _dependency(item)
        if dependency is None:
            continue
        if dependency.task_id in found:
            item.fail(f'depends on "{dependency.task_id}" twice')
        found[dependency.task_id] = dependency
    return tuple(found.values())


def _dependency(node: Node) -> Dependency | None:
    value = node.value
    if isinstance(value, str):
        return Dependency(node.name())
    named = list(node.members().items()) if isinstance(value, dict) else []
    if len(named) == 1 and isinstance(named[0][1].value, list):
        return Dependency(named[0][0], _conditions(named[0][1]))
    if isinstance(value, dict) and "task" in value:
        members = node.mapping(("task", "conditions"))
        name = node.child("task", value["task"]).name()
        return Dependency(name, _conditions(members.get("conditions")))
    node.fail(f"a dependency is {_FORMS}")
    return None


def _conditions(node: Node | None) -> frozenset[Condition]:
    names = node.items() if node is not None else []
    found = {_condition(name) for name in names}
    return frozenset(found or {Condition.ON_SUCCESS})


def _condition(node: Node) -> Condition:
    name = node.text()
    condition = _CONDITIONS.get(name)
    if condition is None and isinstance(node.value, str):
        known = ", ".join(_CONDITIONS)
        node.fail(f'unknown condition "{name}"{meant(name, _CONDITIONS)}; known are {known}')
    return condition or Condition.ON_SUCCESS


def check_graph(tasks: Sequence[tuple[Node, TaskConfig]]) -> None:
    """Report dependencies on what does not exist, on the task itself, and cycles."""
    nodes: dict[str, Node] = {}
    for node, task in tasks:
        nodes.setdefault(task.name, node)
    parents: dict[str, list[str]] = {name: [] for name in nodes}
    for node, task in tasks:
        for dependency in task.depends:
            if _exists(node, task.name, dependency.task_id, parents):
                parents[task.name].append(dependency.task_id)
    for cycle in cycles(parents):
        _depends(nodes[cycle[0]]).fail(f"tasks depend on each other: {' -> '.join(cycle)}")


def _exists(node: Node, name: str, parent: str, known: dict[str, list[str]]) -> bool:
    if parent == name:
        _depends(node).fail(f'"{name}" depends on itself')
    elif parent not in known:
        _depends(node).fail(
            f'depends on "{parent}", and there is no such task{meant(parent, known)}'
        )
    return parent in known and parent != name


def _depends(task: Node) -> Node:
    return task.child("depends", None)


def task_levels(tasks: Sequence[TaskConfig]) -> dict[str, int]:
    """Return the level of each task by name; the graph has been checked."""
    return levels({task.name: [one.task_id for one in task.depends] for task in tasks})
