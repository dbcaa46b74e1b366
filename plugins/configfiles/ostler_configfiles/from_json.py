"""JSON with lines. The standard library's parser tells no positions, and recurses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ostler.spi.configs import Document

from .tree import Builder, wrong

__all__ = ["read"]

_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"')
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,300})(\.\d+)?([eE][+-]?\d+)?(?![\w.])", re.ASCII)
_WORD = re.compile(r"\w+|.", re.DOTALL)
_WORDS = {"true": True, "false": False, "null": None}


class _Token(NamedTuple):
    """``kind``: a punctuation mark, ``string``, ``value``, or ``end``."""

    kind: str
    data: Any
    line: int

    def __str__(self) -> str:
        return "the end of the file" if self.kind == "end" else json.dumps(self.data)


def read(text: str, _filename: str) -> Document:
    """Parse JSON.

    :raises BadRequest: with the line in its details.
    """
    reader = _Reader()
    for token in _tokens(text):
        reader.take(token)
    return reader.builder.document()


def _tokens(text: str) -> Iterator[_Token]:
    position, line = 0, 1
    while True:
        found = _SPACE.match(text, position)
        end = found.end() if found else position
        line += text.count("\n", position, end)
        if end == len(text):
            yield _Token("end", "", line)
            return
        token, position = _token(text, end, line)
        yield token


def _token(text: str, start: int, line: int) -> tuple[_Token, int]:
    mark = text[start]
    if mark in "{}[]:,":
        return _Token(mark, mark, line), start + 1
    if mark == '"':
        return _string(text, start, line)
    number = _NUMBER.match(text, start)
    if number:
        convert = float if number[1] or number[2] else int
        return _Token("value", convert(number[0]), line), number.end()
    word = _WORD.match(text, start)
    name = word[0] if word else mark
    if name in _WORDS:
        return _Token("value", _WORDS[name], line), start + len(name)
    raise wrong(
        f"{name!r} is not JSON: strings are in double quotes, and there are no comments", line
    )


def _string(text: str, start: int, line: int) -> tuple[_Token, int]:
    found = _STRING.match(text, start)
    if found is None:
        raise wrong("a string does not end in its line, or has a wrong escape in it", line)
    raw = found[0]
    return _Token("string", json.loads(raw) if "\\" in raw else raw[1:-1], line), found.end()


class _Reader:
    """Hands tokens to a builder. Its state is the method that takes the next one."""

    def __init__(self) -> None:
        self.builder = Builder()
        self.take: Callable[[_Token], None] = self._value
        self._closing: list[str] = []

    def _value(self, token: _Token) -> None:
        if token.kind in ("string", "value"):
            self.builder.scalar(token.data, token.line)
            self._after_value()
        elif token.kind == "{":
            self._begin({}, "}", token.line)
        elif token.kind == "[":
            self._begin([], "]", token.line)
        else:
            raise wrong(f"expected a value, found {token}", token.line)

    def _begin(self, data: dict[str, Any] | list[Any], closing: str, line: int) -> None:
        self.builder.begin(data, line)
        self._closing.append(closing)
        self.take = self._first

    def _first(self, token: _Token) -> None:
        if token.kind == self._closing[-1]:
            self._close()
        else:
            self._item(token)

    def _item(self, token: _Token) -> None:
        if self._closing[-1] == "]":
            self._value(token)
        elif token.kind == "string":
            self.builder.key(token.data, token.line)
            self.take = self._colon
        else:
            raise wrong(f"expected a key in double quotes, found {token}", token.line)

    def _colon(self, token: _Token) -> None:
        if token.kind != ":":
            raise wrong(f'expected ":" after a key, found {token}', token.line)
        self.take = self._value

    def _separator(self, token: _Token) -> None:
        if token.kind == ",":
            self.take = self._item
        elif token.kind == self._closing[-1]:
            self._close()
        else:
            raise wrong(f'expected "," or "{self._closing[-1]}", found {token}', token.line)

    def _close(self) -> None:
        self._closing.pop()
        self.builder.end()
        self._after_value()

    def _after_value(self) -> None:
        self.take = self._separator if self._closing else self._end

    def _end(self, token: _Token) -> None:
        if token.kind != "end":
            raise wrong(f"expected the end of the file, found {token}", token.line)
