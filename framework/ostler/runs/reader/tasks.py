from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ostler.runs.config import TaskConfig
from ostler.spi.executor import RegistryAuth

from .conditions import matches
from .depends import read_depends
from .node import Node, Scope
from .pods import read_registries, read_runtime
from .steps import read_steps
from .values import read_duration

__all__ = ["TASK_KEYS", "read_task"]

_TEXTS = ("working_dir", "shell", "user")
_FLAGS = ("approval", "ignore_failure")
TASK_KEYS = (
    "name",
    "runtime",
    "environment",
    *_TEXTS,
    "steps",
    "depends",
    *_FLAGS,
    "approvals",
    "task_timeout_interval",
    "when",
    "docker_registries_auth",
)


def read_task(node: Node, registries: Mapping[str, RegistryAuth]) -> TaskConfig:
    """Read a task; its ``id`` and those of its dependencies are still names.

    :param registries: credentials that it has from its run, whose secrets
        are those of the node's scope.
    """
    if node.value is None:
        node.wrong("a mapping")
    members = node.mapping(TASK_KEYS)
    name = _name(node, members)
    skip = not matches(members)
    secrets = list(node.scope.secrets)
    scope = Scope(live=node.scope.live and not skip, secrets=secrets)
    inside = {key: item.within(scope) for key, item in members.items()}
    fields = _settings(inside) | _pod(inside, registries)
    return TaskConfig(id=name, name=name, skip=skip, **fields, secrets=tuple(secrets))


def _name(node: Node, members: Mapping[str, Node]) -> str:
    if "name" in members:
        return members["name"].name()
    if isinstance(node.value, dict):
        node.fail('a task needs its "name"')
    return ""


def _settings(members: Mapping[str, Node]) -> dict[str, Any]:
    timeout = members.get("task_timeout_interval")
    texts = {key: members[key].text() for key in _TEXTS if key in members}
    return {
        **{key: text for key, text in texts.items() if text},
        **{key: members[key].flag() for key in _FLAGS if key in members},
        "approvals": _approvals(members),
        "timeout": None if timeout is None else read_duration(timeout),
        "depends": read_depends(members.get("depends")),
        "steps": read_steps(members.get("steps")),
    }


def _pod(members: Mapping[str, Node], registries: Mapping[str, RegistryAuth]) -> dict[str, Any]:
    runtime = read_runtime(members.get("runtime"))
    own = read_registries(members.get("docker_registries_auth"))
    return {
        "arch": runtime.arch,
        "labels": runtime.labels,
        "containers": runtime.containers,
        "environment": members["environment"].settings() if "environment" in members else {},
        "registries_auth": {**registries, **own} if own else registries,
    }


def _approvals(members: Mapping[str, Node]) -> int | None:
    node = members.get("approvals")
    if node is None:
        return None
    if "approval" not in members or members["approval"].value is False:
        node.fail('"approvals" has no effect without "approval: true"')
    return node.count()
