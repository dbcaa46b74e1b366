"""The types that plugins offer, by name and by URL scheme."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from ostler.errors import Conflict, NotFound

from ._kinds import EXECUTORS, KVS, STORAGES, Kind, Named
from ._plugin import Plugin, Problem, State

__all__ = ["Offered", "Registry"]

T = TypeVar("T", bound=Named)

_OURS = "ostler"
_HOMES: Mapping[str, Mapping[str, str]] = {
    STORAGES.label: {
        "memory": _OURS,
        "posix": _OURS,
        "posixflat": _OURS,
        "fsspec": "ostler-fsspec",
        "s3": "ostler-s3",
    },
    KVS.label: {"memory": _OURS, "sqlite": _OURS, "etcd": "ostler-etcd"},
    EXECUTORS.label: {
        "local": _OURS,
        "multiarch": _OURS,
        "docker": "ostler-docker",
        "k8s": "ostler-k8s",
    },
}
"""Where the types of our own distributions come from, so that an error can say what to install."""


@dataclass(frozen=True, slots=True)
class Offered(Generic[T]):
    """A type and the name of the plugin that offers it."""

    plugin: str
    type: T


class Registry(Generic[T]):
    """All types of one kind.

    What several plugins offer under one name is nobody's: asking for it is a
    `Conflict` that names them, and the rest stays usable.
    """

    def __init__(
        self, kind: Kind[T], offers: Iterable[Offered[T]], plugins: Mapping[str, Plugin]
    ) -> None:
        self._kind = kind
        self._plugins = plugins
        everything = tuple(offers)
        self._names = _group(everything, lambda item: (item.name,))
        self._schemes = _group(everything, lambda item: getattr(item, "schemes", ()))
        self.offered: Mapping[str, Offered[T]] = MappingProxyType(
            {name: found[0] for name, found in sorted(self._names.items()) if len(found) == 1}
        )

    def get(self, name: str) -> Offered[T]:
        """Return the type of that name.

        :raises NotFound: there is none; says what there is and what to install.
        :raises Conflict: several plugins offer it.
        """
        return self._only(f"{self._kind.label} {name!r}", name, self._names)

    def by_scheme(self, scheme: str) -> Offered[T]:
        """Return the type that serves URLs with that scheme; raises as `get` does.

        A scheme that a type names in full goes before the families that it is of,
        and of these the one with the longest name before the others.
        """
        what = f"{self._kind.label} for URLs that begin with '{scheme}:'"
        families = [scheme[: at + 1] for at, letter in enumerate(scheme) if letter == "+"]
        served = (name for name in (scheme, *reversed(families)) if name in self._schemes)
        return self._only(what, next(served, scheme), self._schemes)

    def problems(self) -> list[Problem]:
        """Return one problem for every name and scheme that several plugins offer."""
        names = [(f"{self._kind.label} {name!r}", found) for name, found in self._names.items()]
        schemes = [
            (f"{self._kind.label} scheme '{scheme}:'", found)
            for scheme, found in self._schemes.items()
            # Types of one name clash in all their schemes: said once is enough.
            if len({item.type.name for item in found}) > 1
        ]
        return [self._clash(what, found) for what, found in names + schemes if len(found) > 1]

    def _only(self, what: str, name: str, index: Mapping[str, list[Offered[T]]]) -> Offered[T]:
        found = index.get(name, [])
        if not found:
            raise NotFound(f"no {what} is installed; {self._advice(name, sorted(index))}")
        if len(found) > 1:
            raise Conflict(str(self._clash(what, found)))
        return found[0]

    def _clash(self, what: str, found: list[Offered[T]]) -> Problem:
        names = [item.plugin for item in found]
        described = " and ".join(f"{name!r} ({self._plugins[name].source})" for name in names)
        return Problem(
            plugin=", ".join(names),
            message=f"several plugins offer the {what}: {described}",
            remedy="add one of them to plugins.disabled",
            hook=self._kind.hook,
        )

    def _advice(self, name: str, installed: list[str]) -> str:
        listed = f"installed: {', '.join(installed)}" if installed else "none is installed at all"
        broken = self._plugins.get(name)
        if broken is not None and broken.state is not State.OK:
            return f"plugin {name!r} {broken.trouble}; {broken.remedy}"
        home = _HOMES.get(self._kind.label, {}).get(name.partition("+")[0])
        return f"{listed}; try: pip install {home}" if home else listed


def _group(
    offers: Iterable[Offered[T]], keys: Callable[[Any], Iterable[str]]
) -> dict[str, list[Offered[T]]]:
    index: dict[str, list[Offered[T]]] = {}
    for item in offers:
        for key in keys(item.type):
            index.setdefault(key, []).append(item)
    return index
