"""Whether something runs for a branch, a tag or a ref. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ostler.errors import BadRequest

__all__ = ["Pattern", "Rule", "Source", "When"]

_DELIMITERS = "/#"
_POSIX_CLASS = re.compile(r"\[:\^?\w+:\]")


@dataclass(frozen=True, slots=True)
class Source:
    """What is being built. Empty: there is none.

    :param branch: its name, without ``refs/heads/``.
    :param tag: its name, without ``refs/tags/``.
    :param ref: the full ref (``refs/heads/main``, ``refs/pull/7/head``).
    """

    branch: str = ""
    tag: str = ""
    ref: str = ""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A plain string that must be equal, or a regular expression that is searched for."""

    text: str
    regex: re.Pattern[str] | None = None

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """Read a pattern: ``/…/`` and ``#…#`` are regular expressions, all else is plain.

        :raises BadRequest: the regular expression is wrong.
        """
        if len(text) < 3 or text[0] not in _DELIMITERS or text[-1] != text[0]:
            return cls(text)
        if _POSIX_CLASS.search(text):
            raise BadRequest(f"{text} has a POSIX class: write [a-z], \\d or \\w instead")
        try:
            return cls(text, re.compile(text[1:-1]))
        except re.error as error:
            raise BadRequest(f"{text} is not a regular expression: {error}") from error

    def matches(self, value: str) -> bool:
        """Return whether ``value`` is what the pattern asks for."""
        if self.regex is None:
            return value == self.text
        return self.regex.search(value) is not None


@dataclass(frozen=True, slots=True)
class Rule:
    """What to include and to exclude of one kind of name."""

    include: Sequence[Pattern] = ()
    exclude: Sequence[Pattern] = ()

    def includes(self, value: str) -> bool:
        """Return whether one of ``include`` matches; nothing includes the empty value."""
        return _any(self.include, value)

    def excludes(self, value: str) -> bool:
        """Return whether one of ``exclude`` matches; nothing excludes the empty value."""
        return _any(self.exclude, value)


@dataclass(frozen=True, slots=True)
class When:
    """Rules for the branch, the tag and the ref."""

    branch: Rule = Rule()
    tag: Rule = Rule()
    ref: Rule = Rule()

    def matches(self, source: Source) -> bool:
        """Return whether it runs for ``source``.

        Anything that is excluded decides. Otherwise one inclusion is enough,
        whichever kind it is of, and where nothing is included, everything is.
        """
        pairs = list(self._pairs(source))
        if any(rule.excludes(value) for rule, value in pairs):
            return False
        if not any(rule.include for rule, _ in pairs):
            return True
        return any(rule.includes(value) for rule, value in pairs)

    def _pairs(self, source: Source) -> Iterator[tuple[Rule, str]]:
        yield self.branch, source.branch
        yield self.tag, source.tag
        yield self.ref, source.ref


def _any(patterns: Sequence[Pattern], value: str) -> bool:
    return bool(value) and any(pattern.matches(value) for pattern in patterns)
