"""The ``runtime`` of tasks, and credentials for image registries."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from ostler.spi.executor import ContainerConfig, RegistryAuth, Volume

from .node import Node
from .values import read_arch, read_size

__all__ = [
    "CONTAINER_KEYS",
    "CREDENTIALS",
    "RUNTIME_KEYS",
    "Runtime",
    "read_registries",
    "read_runtime",
]

RUNTIME_KEYS = ("type", "arch", "containers", "labels")
CONTAINER_KEYS = ("image", "environment", "user", "privileged", "entrypoint", "volumes")
CREDENTIALS = ("username", "password", "auth")
_AUTH_TYPES = {"basic": "basic", "encoded": "encoded", "encodedauth": "encoded"}
_AUTH_NEEDS = {"basic": ("username", "password"), "encoded": ("auth",)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """Where a task runs."""

    arch: str = ""
    containers: tuple[ContainerConfig, ...] = (ContainerConfig(),)
    labels: Mapping[str, str] = field(default_factory=dict)


def read_runtime(node: Node | None) -> Runtime:
    """Read a runtime; without one: one container, anywhere."""
    if node is None:
        return Runtime()
    members = node.mapping(RUNTIME_KEYS)
    if "type" in members and members["type"].text() not in ("pod", ""):
        members["type"].wrong('"pod"')
    if isinstance(node.value, dict) and "containers" in node.value:
        containers = _containers(node.child("containers", node.value["containers"]))
    else:
        containers = Runtime().containers
    return Runtime(
        arch=read_arch(members["arch"]) if "arch" in members else "",
        containers=containers,
        labels=_labels(members["labels"]) if "labels" in members else {},
    )


def read_registries(node: Node | None) -> dict[str, RegistryAuth]:
    """Read credentials by registry host."""
    if node is None:
        return {}
    return {host: _auth(auth) for host, auth in node.members().items()}


def _labels(node: Node) -> dict[str, str]:
    return {key: value.text() for key, value in node.members().items()}


def _containers(node: Node) -> tuple[ContainerConfig, ...]:
    if not node.value and node.value in (None, []):
        node.fail("a runtime needs at least one container: add one, or leave containers out")
    return tuple(_container(item) for item in node.items())


def _container(node: Node) -> ContainerConfig:
    if node.value is None:
        node.wrong("a mapping")
    members = node.mapping(CONTAINER_KEYS)
    texts = {key: members[key].text() for key in ("image", "user") if key in members}
    return ContainerConfig(
        **texts,
        environment=members["environment"].settings() if "environment" in members else {},
        privileged="privileged" in members and members["privileged"].flag(),
        entrypoint=_entrypoint(members["entrypoint"]) if "entrypoint" in members else (),
        volumes=tuple(map(_volume, members["volumes"].items())) if "volumes" in members else (),
    )


def _entrypoint(node: Node) -> tuple[str, ...]:
    if isinstance(node.value, list):
        return tuple(node.texts())
    try:
        return tuple(shlex.split(node.text()))
    except ValueError as error:
        node.fail(f"{node.label} cannot be split into words: {str(error).lower()}")
        return ()


def _volume(node: Node) -> Volume:
    members = node.mapping(("path", "tmpfs"))
    if "path" not in members:
        node.fail('a volume needs its "path"')
    if not (isinstance(node.value, dict) and "tmpfs" in node.value):
        node.fail('a volume needs its kind, "tmpfs", the only one there is')
    return Volume(
        path=members["path"].name() if "path" in members else "",
        size=_tmpfs_size(members["tmpfs"]) if "tmpfs" in members else None,
    )


def _tmpfs_size(node: Node) -> int | None:
    size = node.mapping(("size",)).get("size")
    return None if size is None else read_size(size)


def _auth(node: Node) -> RegistryAuth:
    members = node.mapping(("type", *CREDENTIALS))
    name = members["type"].text() if "type" in members else "basic"
    kind = _AUTH_TYPES.get(name)
    if kind is None:
        if name:
            members["type"].wrong('"basic" or "encodedauth"')
        return RegistryAuth()
    _check_credentials(node, name, members)
    values = {key: members[key].setting() for key in CREDENTIALS if key in members}
    return RegistryAuth(type=kind, **values)


def _check_credentials(node: Node, name: str, members: dict[str, Node]) -> None:
    needed = _AUTH_NEEDS[_AUTH_TYPES[name]]
    for key in CREDENTIALS:
        if key in needed and key not in members:
            node.fail(f'credentials of type "{name}" for {node.label} need "{key}"')
        elif key in members and key not in needed:
            members[key].fail(f'credentials of type "{name}" have no "{key}"')
