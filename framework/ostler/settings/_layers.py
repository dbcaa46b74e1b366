"""The sources of settings, each as values by path, with their origins."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ostler.errors import BadRequest, NotFound
from ostler.variables import TASK_VARIABLES

__all__ = ["Layer", "file_layer", "option_layer", "variable_layer"]

DEFAULT_FILE = "ostler.toml"
_PREFIX = "OSTLER_"
# The file itself, a switch of the command line, and what the test suite must not skip.
_NOT_SETTINGS = TASK_VARIABLES | {"OSTLER_SETTINGS", "OSTLER_DEBUG", "OSTLER_REQUIRE"}

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """One source.

    :param values: nested mappings, as TOML has them.
    :param origins: what to call the source of a value, by path; an entry may
        stand for all below it.
    """

    values: Mapping[str, Any]
    origins: Mapping[Path, str]


def file_layer(path: str | None, environ: Mapping[str, str]) -> Layer:
    """Read the settings file: ``path``, else ``$OSTLER_SETTINGS``, else ``ostler.toml`` if there is one.

    :raises NotFound: a file that was named does not exist.
    :raises BadRequest: it cannot be read, or is not TOML.
    """
    named = path or environ.get("OSTLER_SETTINGS")
    file = named or DEFAULT_FILE
    try:
        with open(file, "rb") as stream:
            values = tomllib.load(stream)
    except FileNotFoundError as error:
        if named is None:
            return Layer({}, {})
        raise NotFound(f"there is no settings file {file!r}") from error
    except OSError as error:
        raise BadRequest(f"settings file {file!r} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"settings file {file!r} is not TOML: {error}") from error
    return Layer(_rooted(values, file), dict.fromkeys(_leaves(values), file))


def variable_layer(environ: Mapping[str, str]) -> Layer:
    """Read the variables: ``OSTLER_JOBS`` is ``jobs``, ``OSTLER_LOG__LEVEL`` is ``log.level``.

    An empty one is as good as none.
    """
    found = {
        tuple(name.removeprefix(_PREFIX).lower().split("__")): name
        for name in sorted(environ)
        if name.startswith(_PREFIX) and name not in _NOT_SETTINGS and environ[name]
    }
    return _layer({path: environ[name] for path, name in found.items()}, found)


def option_layer(overrides: Mapping[str, Any]) -> Layer:
    """Take options by dotted path; those that are None were not given."""
    given = {
        tuple(path.split(".")): (value, f"--{path.replace('.', '-').replace('_', '-')}")
        for path, value in overrides.items()
        if value is not None
    }
    return _layer(
        {path: value for path, (value, _) in given.items()},
        {path: origin for path, (_, origin) in given.items()},
    )


def _layer(values: Mapping[Path, Any], origins: Mapping[Path, str]) -> Layer:
    nested: dict[str, Any] = {}
    for path, value in values.items():
        table = nested
        for number, part in enumerate(path[:-1], start=1):
            inner = table.setdefault(part, {})
            if not isinstance(inner, dict):
                raise BadRequest(
                    f"{origins[path]} and {origins[path[:number]]} exclude each other: "
                    "one is a part of the other"
                )
            table = inner
        table[path[-1]] = value
    return Layer(nested, origins)


def _rooted(values: dict[str, Any], file: str) -> dict[str, Any]:
    # A relative home in a file means the same from wherever ostler is called.
    home = values.get("home")
    if isinstance(home, str):
        base = os.path.dirname(os.path.abspath(file))
        values["home"] = os.path.join(base, os.path.expanduser(home))
    return values


def _leaves(values: Mapping[str, Any], path: Path = ()) -> Iterator[Path]:
    for key, value in values.items():
        yield (*path, key)
        if isinstance(value, Mapping):
            yield from _leaves(value, (*path, key))
