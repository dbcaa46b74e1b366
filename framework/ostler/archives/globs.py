"""Globs over the names of an archive."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ostler.errors import BadRequest

__all__ = ["Globs"]


class Globs:
    """Patterns that names are matched against, and which of them have matched so far.

    ``*`` and ``?`` stay within a part of the path, ``**`` crosses ``/``;
    ``**/`` also stands for no directory at all; ``[a-z]``, ``[!a-z]``; a
    backslash takes the next character as it is. Names that begin with a dot
    are like any other. A directory that matches brings all that is in it.

    :raises BadRequest: a pattern is empty, absolute, or leads upwards.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = tuple(patterns)
        self._compiled = [_compile(pattern) for pattern in patterns]
        self._missing = set(range(len(self._compiled)))

    def match(self, name: str) -> bool:
        """Return whether any pattern matches ``name`` or a directory above it."""
        found = False
        for index, compiled in enumerate(self._compiled):
            if compiled.fullmatch(name):
                self._missing.discard(index)
                found = True
        return found

    @property
    def missing(self) -> list[str]:
        """The patterns that have matched nothing yet."""
        return [self._patterns[index] for index in sorted(self._missing)]


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(_expression(pattern), re.DOTALL)
    except re.error as error:
        raise BadRequest(f"the glob {pattern!r} has a wrong character set: {error}") from error


def _expression(pattern: str) -> str:
    parts = [part for part in pattern.split("/") if part not in ("", ".")]
    if not pattern or pattern.startswith("/") or ".." in parts:
        raise BadRequest(
            f"the glob {pattern!r} is not a path below the source directory: "
            "write it relative to source_dir, without '..'"
        )
    if not parts:
        return ".+"  # "." and "./": the directory itself
    return _translate("/".join(parts)) + "(?:/.*)?"


_TOKEN = re.compile(
    r"(?P<any>(?:^|(?<=/))\*\*/)"
    r"|(?P<deep>\*\*+)"
    r"|(?P<star>\*)"
    r"|(?P<one>\?)"
    r"|\[(?P<no>[!^]?)(?P<set>\][^\]]*|[^\]]+)\]"
    r"|\\(?P<plain>.)"
    r"|(?P<other>.)",
    re.DOTALL,
)


def _translate(pattern: str) -> str:
    return "".join(_token(match) for match in _TOKEN.finditer(pattern))


def _token(match: re.Match[str]) -> str:
    simple = {"any": "(?:.*/)?", "deep": ".*", "star": "[^/]*", "one": "[^/]"}
    kind = match.lastgroup or ""
    if kind in simple:
        return simple[kind]
    if kind == "set":
        return _character_set(match["set"], negated=bool(match["no"]))
    return re.escape(match["plain"] or match["other"])


def _character_set(members: str, *, negated: bool) -> str:
    escaped = re.sub(r"([\\\[\]^&~|])", r"\\\1", members)
    return f"(?!/)[{'^' if negated else ''}{escaped}]"
