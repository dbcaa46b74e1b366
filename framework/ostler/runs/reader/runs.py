"""The whole file, and its runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ostler.runs.config import TaskConfig
from ostler.spi.executor import RegistryAuth

from .conditions import matches
from .depends import check_graph, task_levels
from .node import Node, Scope
from .owners import name_of
from .parsed import ParsedRun
from .pods import read_registries
from .problems import shown
from .tasks import read_task

__all__ = ["FILE_KEYS", "RUN_KEYS", "read_runs"]

FILE_KEYS = ("runs", "docker_registries_auth", "version")
RUN_KEYS = ("name", "tasks", "when", "docker_registries_auth")


def read_runs(root: Node) -> tuple[ParsedRun, ...]:
    """Read all runs of a file. What comes back is usable only when no problem was reported."""
    if root.value is None:
        root.fail("the file is empty: it needs runs")
        return ()
    if not isinstance(root.value, dict):
        root.fail(f'the file must be a mapping with the key "runs", not {shown(root.value)}')
        return ()
    members = root.mapping(FILE_KEYS)
    registries = read_registries(members.get("docker_registries_auth"))
    nodes = _entries(root, "runs", "run")
    runs = [_run(node, registries) for node in nodes]
    return () if root.reading.problems else tuple(map(_levelled, runs))


def _run(node: Node, registries: Mapping[str, RegistryAuth]) -> ParsedRun:
    if node.value is None:
        node.wrong("a mapping")
    members = node.mapping(RUN_KEYS)
    wanted = matches(members)
    scope = Scope(live=wanted, secrets=list(node.scope.secrets))
    own = members.get("docker_registries_auth")
    if own is not None:
        registries = {**registries, **read_registries(own.within(scope))}
    tasks = _tasks(node.within(scope), registries)
    return ParsedRun(name=_name(node, members), tasks=tasks, matches=wanted)


def _name(node: Node, members: Mapping[str, Node]) -> str:
    if "name" in members:
        return members["name"].name()
    if isinstance(node.value, dict):
        node.fail('a run needs its "name"')
    return ""


def _tasks(node: Node, registries: Mapping[str, RegistryAuth]) -> tuple[TaskConfig, ...]:
    if not isinstance(node.value, dict):
        return ()
    nodes = _entries(node, "tasks", "task")
    tasks = [read_task(item, registries) for item in nodes]
    check_graph([(item, task) for item, task in zip(nodes, tasks, strict=True) if task.name])
    return tuple(tasks)


def _entries(owner: Node, key: str, kind: str) -> list[Node]:
    """Return the entries of a list that must not be empty, each in the scope of its name."""
    value = owner.value.get(key)
    node = owner.child(key, value)
    if value is None or value == []:
        (node if key in owner.value else owner).fail(
            f'"{key}" is empty: at least one {kind} is needed'
        )
    entries = node.items()
    _unique(entries, kind)
    return entries


def _unique(nodes: Sequence[Node], kind: str) -> None:
    first: dict[str, Node] = {}
    for node in nodes:
        name = name_of(node.value)
        if name in first:
            line = node.reading.line(first[name].path)
            node.fail(f'there is another {kind} "{name}" in line {line}: names must be unique')
        elif name:
            first[name] = node


def _levelled(run: ParsedRun) -> ParsedRun:
    level = task_levels(run.tasks)
    return replace(run, tasks=tuple(replace(task, level=level[task.name]) for task in run.tasks))
