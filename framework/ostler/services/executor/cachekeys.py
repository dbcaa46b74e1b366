"""Cache keys: templates such as ``pip-{{ md5sum "requirements.txt" }}``."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Protocol

from ostler.errors import BadRequest

__all__ = ["LONGEST", "KeySource", "render"]

LONGEST = 200
"""The most characters that a rendered key may have."""

_ACTION = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_CALL = re.compile(r"""\s*(?P<name>\w+)(?P<arguments>(?:\s+(?:"[^"]*"|`[^`]*`))*)\s*""")
_ARGUMENT = re.compile(r'"([^"]*)"|`([^`]*)`')


class KeySource(Protocol):
    """Where the parts of a key come from: the pod of the task."""

    def digest(self, algorithm: str, path: str) -> str:
        """Return the hexadecimal digest of a file; ``algorithm`` as in hashlib."""

    def variable(self, name: str) -> str | None:
        """Return an environment variable; None: not set."""

    def system(self) -> str:
        """Return the operating system, in Go's names."""

    def arch(self) -> str:
        """Return the architecture, in Go's names."""

    def now(self) -> float:
        """Return the time: seconds since 1970-01-01 UTC."""


def render(template: str, source: KeySource) -> str:
    """Render a template.

    :raises BadRequest: it is wrong, a variable is not set, or the key is
        empty or longer than `LONGEST`.
    """
    key = _ACTION.sub(lambda match: _evaluate(template, match[1], source), template)
    if "{{" in _ACTION.sub("", template):
        raise _wrong(template, "a '{{' is not closed by '}}'")
    if not key:
        raise _wrong(template, "it is empty")
    if len(key) > LONGEST:
        raise _wrong(template, f"it has {len(key)} characters, at most {LONGEST} are allowed")
    return key


def _evaluate(template: str, action: str, source: KeySource) -> str:
    call = _CALL.fullmatch(action)
    if call is None:
        raise _wrong(template, f"'{{{{{action}}}}}' is not a function and its arguments in quotes")
    name = call["name"]
    arguments = [first or second for first, second in _ARGUMENT.findall(call["arguments"])]
    known = _FUNCTIONS.get(name)
    if known is None:
        names = ", ".join(sorted(_FUNCTIONS))
        raise _wrong(template, f"{name!r} is none of the functions {names}")
    wanted, function = known
    if len(arguments) != wanted:
        raise _wrong(template, f"{name} takes {wanted} arguments, not {len(arguments)}")
    value = function(source, *arguments)
    if value is None:
        raise _wrong(template, f"the environment has no variable {arguments[0]}")
    return value


def _date(form: str) -> Callable[[KeySource], str]:
    return lambda source: time.strftime(form, time.gmtime(source.now()))


_FUNCTIONS: dict[str, tuple[int, Callable[..., str | None]]] = {
    "md5sum": (1, lambda source, path: source.digest("md5", path)),
    "sha256sum": (1, lambda source, path: source.digest("sha256", path)),
    "env": (1, lambda source, name: source.variable(name)),
    "os": (0, lambda source: source.system()),
    "arch": (0, lambda source: source.arch()),
    "year": (0, _date("%Y")),
    "month": (0, _date("%m")),
    "day": (0, _date("%d")),
    "unixtime": (0, lambda source: str(int(source.now()))),
}


def _wrong(template: str, why: str) -> BadRequest:
    return BadRequest(f"the cache key {template!r} is wrong: {why}")
