"""What the processes of a pod see of the world."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping, Sequence
from typing import Literal

from ostler.errors import BadRequest

from .machine import user_name

__all__ = ["expand", "inherited"]

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})", re.ASCII)


def inherited(
    environment: Mapping[str, str], names: Sequence[str] | Literal[True]
) -> dict[str, str]:
    """Return what every pod's processes start from.

    :param environment: this process's own.
    :param names: of the variables to take from it, with ``*``; True: all.
    """
    user = user_name()
    base = {"PATH": _PATH, "LANG": "C.UTF-8"}
    if names is True:
        base.update(environment)
    else:
        base.update(_chosen(environment, names))
    return {**base, "USER": user, "LOGNAME": user}


def expand(path: str, environment: Mapping[str, str]) -> str:
    """Return ``path`` absolute: ``~``, ``$NAME`` and ``${NAME}`` from ``environment``, relative to its ``HOME``.

    :raises BadRequest: a variable is not set, or it begins with another user's home.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name not in environment:
            raise BadRequest(f"path {path!r}: variable {name} is not set")
        return environment[name]

    home = environment["HOME"]
    head, slash, rest = path.partition("/")
    if head == "~":
        return home + slash + _VARIABLE.sub(value, rest)
    if head.startswith("~"):
        raise BadRequest(f"path {path!r}: the local executor knows no home but '~'")
    expanded = _VARIABLE.sub(value, path)
    return expanded if expanded.startswith("/") else f"{home}/{expanded}"


def _chosen(environment: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    return {
        name: value
        for name, value in environment.items()
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in names)
    }
