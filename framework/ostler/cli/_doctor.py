"""The facts and problems that ``ostler doctor`` tells."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ostler import __version__
from ostler.errors import Error
from ostler.host import Host, State
from ostler.settings import (
    Resolved,
    Settings,
    discover_host,
    redact_url,
    resolve_executor,
    resolve_kv,
    resolve_storage,
)
from ostler.spi.info import SPI_VERSION

from ._options import Instance

__all__ = ["Fact", "Findings", "examine"]

_RESOLVERS: Mapping[str, Callable[[Settings, Host], Resolved[Any]]] = {
    "storage": resolve_storage,
    "kv": resolve_kv,
    "executor": resolve_executor,
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is in force.

    :param origin: where it came from; empty: nobody set it.
    """

    name: str
    value: str
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found: facts, and problems as sentences."""

    facts: tuple[Fact, ...]
    problems: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON-serialisable data."""
        facts = [
            {"name": fact.name, "value": fact.value, "origin": fact.origin} for fact in self.facts
        ]
        return {"facts": facts, "problems": list(self.problems)}


def examine(instance: Instance) -> Findings:
    """Look at everything; what cannot be looked at is a problem, not an error."""
    facts = list(_machine())
    try:
        settings = instance.settings()
    except Error as error:
        return Findings(tuple(facts), (error.message,))
    host = discover_host(settings, strict=False).load()
    facts += _plain_settings(settings)
    problems = list(_home_problems(settings.home))
    for name in _RESOLVERS:
        try:
            facts += _resolved(name, settings, host)
        except Error as error:
            facts.append(Fact(name, _shown(getattr(settings, name)), settings.origin(name)))
            problems.append(error.message)
    facts += _plugins(host)
    return Findings(tuple(facts), (*problems, *map(str, host.problems())))


def _machine() -> Iterator[Fact]:
    yield Fact("ostler", __version__)
    yield Fact("plugin interface", ".".join(map(str, SPI_VERSION)))
    yield Fact("python", f"{platform.python_version()} on {platform.platform()}")


def _plain_settings(settings: Settings) -> Iterator[Fact]:
    values = settings.model_dump(mode="json", exclude=set(_RESOLVERS))
    for path, value in _leaves(values):
        yield Fact(path, _text(value), settings.origin(path))


def _resolved(name: str, settings: Settings, host: Host) -> list[Fact]:
    resolved = _RESOLVERS[name](settings, host)
    chosen = Fact(name, f"{resolved.type.name} (plugin {resolved.plugin})", settings.origin(name))
    fields = resolved.settings.model_dump(mode="json")
    return [
        chosen,
        *(
            Fact(f"{name}.{path}", _text(value), _field_origin(resolved, name, path, settings))
            for path, value in _leaves(fields)
        ),
    ]


def _field_origin(resolved: Resolved[Any], name: str, path: str, settings: Settings) -> str:
    given = path.partition(".")[0] in resolved.settings.model_fields_set
    return settings.origin(f"{name}.{path}") if given else "default"


def _plugins(host: Host) -> Iterator[Fact]:
    for plugin in host.plugins():
        value = plugin.state.value
        told = f"{value}: {plugin.reason}" if plugin.state is State.DISABLED else value
        yield Fact(f"plugin {plugin.name}", told, plugin.source)


def _home_problems(home: str) -> Iterator[str]:
    existing = home
    while not os.path.exists(existing) and os.path.dirname(existing) != existing:
        existing = os.path.dirname(existing)
    if not os.path.isdir(existing):
        yield f"home {home!r} cannot be made: {existing!r} is no directory"
    elif not os.access(existing, os.W_OK | os.X_OK):
        yield f"home {home!r} is not writable; set OSTLER_HOME to another directory"


def _shown(choice: object) -> str:
    if isinstance(choice, Mapping):
        return f"{choice['type']}, with settings that are not valid"
    return redact_url(str(choice))


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _text(value: object) -> str:
    if value in (None, "", [], {}):
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
