"""YAML with lines, from the parser's events: no recursion, and aliases cannot blow it up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from ostler.errors import BadRequest
from ostler.spi.configs import Document

from .tree import Builder, Value, wrong

__all__ = ["read"]

# Written in C where the installation has it: twenty times as fast.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_TAG = "tag:yaml.org,2002:"
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(["", "~", "null", "Null", "NULL"]),
    **dict.fromkeys(["true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"], True),
    **dict.fromkeys(["false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"], False),
}
_INT = re.compile(r"[-+]?(0|[1-9]\d{0,300})|0x[0-9a-fA-F]{1,64}|0o[0-7]{1,64}", re.ASCII)
_FLOAT = re.compile(r"[-+]?((\.\d+|\d+\.\d*)([eE][-+]?\d+)?|\d+[eE][-+]?\d+|\.inf)|\.nan", re.ASCII)
_LEADING_ZERO = re.compile(r"[-+]?0\d+", re.ASCII)


def read(text: str, _filename: str) -> Document:
    """Parse YAML: one document, whose plain scalars are read as in YAML 1.1, dates apart.

    :raises BadRequest: with the line in its details.
    """
    reader = _Reader()
    for event in _events(text):
        reader.take(event)
    return reader.builder.document()


def _events(text: str) -> Iterator[yaml.Event]:
    try:
        yield from yaml.parse(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, text) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise wrong(f"character {error.character!r} is not allowed in YAML", line) from error


def _syntax_error(error: yaml.MarkedYAMLError, text: str) -> BadRequest:
    mark = error.problem_mark or error.context_mark
    lines = text.splitlines() or [""]
    line = min(mark.line + 1 if mark else 1, len(lines))
    here = lines[line - 1]
    if "\t" in here[: len(here) - len(here.lstrip())]:
        return wrong("a tab cannot indent in YAML: use spaces", line)
    context = f" {error.context}" if error.context else ""
    if error.context_mark and error.context_mark.line + 1 != line:
        context += f" that begins in line {error.context_mark.line + 1}"
    return wrong(f"not YAML: {error.problem}{context}", line)


class _Reader:
    """Hands events to a builder, and knows the anchors."""

    def __init__(self) -> None:
        self.builder = Builder()
        self._anchors: dict[str, Value | None] = {}
        self._open: list[str | None] = []
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        """Take the next event."""
        mark = event.start_mark
        line = mark.line + 1 if mark else 1
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event, line)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._begin(event, line)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event.anchor or "", line)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._document(line)

    def _document(self, line: int) -> None:
        self._documents += 1
        if self._documents > 1:
            raise wrong("a second document begins: a file has one", line)

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        plain = event.implicit[0] and not event.style
        if self.builder.awaits_key:
            self.builder.key(event.value, line, merges=plain and event.value == "<<")
            self._anchor(event.anchor, Value(event.value))
        else:
            data = _resolved(event.value) if plain else _tagged(event, line)
            self._anchor(event.anchor, self.builder.scalar(data, line))

    def _begin(self, event: yaml.CollectionStartEvent, line: int) -> None:
        if self.builder.awaits_key:
            raise wrong("a key must be text, not a list or a mapping", line)
        kind, data = _collection(event)
        if event.tag not in (None, "!", f"{_TAG}{kind}"):
            raise _unknown_tag(event.tag, line)
        self.builder.begin(data, line)
        self._open.append(event.anchor)
        self._anchor(event.anchor, None)

    def _end(self) -> None:
        self._anchor(self._open.pop(), self.builder.end())

    def _anchor(self, name: str | None, value: Value | None) -> None:
        if name is not None:
            self._anchors[name] = value

    def _alias(self, name: str, line: int) -> None:
        if name not in self._anchors:
            raise wrong(f"the alias *{name} has no anchor &{name} before it", line)
        value = self._anchors[name]
        if value is None:
            raise wrong(f"the alias *{name} is inside of what it repeats", line)
        if not self.builder.awaits_key:
            self.builder.repeat(value, line)
        elif isinstance(value.data, str):
            self.builder.key(value.data, line)
        else:
            raise wrong(f"the alias *{name} cannot be a key: it is not text", line)


def _collection(event: yaml.CollectionStartEvent) -> tuple[str, dict[str, Any] | list[Any]]:
    return ("map", {}) if isinstance(event, yaml.MappingStartEvent) else ("seq", [])


def _tagged(event: yaml.ScalarEvent, line: int) -> str:
    if event.tag not in (None, "!", f"{_TAG}str"):
        raise _unknown_tag(event.tag, line)
    text: str = event.value
    return text


def _unknown_tag(tag: str, line: int) -> BadRequest:
    name = tag.replace(_TAG, "!!")
    return wrong(f"the tag {name} means nothing here: leave it out", line)


def _resolved(text: str) -> Any:
    """Return what a plain scalar stands for."""
    if text in _WORDS:
        return _WORDS[text]
    if not (text[0] in "+-." or text[0].isdigit()) or _LEADING_ZERO.fullmatch(text):
        # 010 is eight in YAML 1.1 and ten in 1.2: neither is meant as often as the text
        return text
    if _INT.fullmatch(text):
        return int(text, 0)
    return float(_python_float(text)) if _FLOAT.fullmatch(text) else text


def _python_float(text: str) -> str:
    return text.replace(".inf", "inf").replace(".nan", "nan")
