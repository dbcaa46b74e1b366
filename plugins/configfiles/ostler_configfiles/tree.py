"""Documents as they are built up, each value with its line. Nothing recurses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ostler.errors import BadRequest
from ostler.spi.configs import Document, Fault, Path

__all__ = ["Builder", "Value", "wrong"]

_MAX_DEPTH = 100
_MAX_REPEATED = 500_000


def wrong(message: str, line: int) -> BadRequest:
    """Return the error for what cannot be read."""
    return BadRequest(message, details={"line": line})


@dataclass(slots=True)
class Value:
    """A value, and what is below it by key or number, each with its line.

    :param size: how many values it and all below are, repeated ones counted every time.
    """

    data: Any
    size: int = 1
    below: dict[Any, tuple[int, Value]] = field(default_factory=dict)

    def add(self, key: str | int, line: int, value: Value) -> None:
        """Put ``value`` below; in a list, ``key`` is the next number."""
        self.below[key] = line, value
        self.size += value.size
        if isinstance(self.data, dict):
            self.data[key] = value.data
        else:
            self.data.append(value.data)


class _Key(NamedTuple):
    text: str
    line: int
    merges: bool


@dataclass(slots=True)
class _Level:
    """A mapping or a list that is not complete yet."""

    value: Value
    line: int
    key: _Key | None = None
    merged: list[tuple[int, Value]] = field(default_factory=list)

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.value.data, dict)

    @property
    def place(self) -> str | int:
        return self.key.text if self.key else len(self.value.below)


class Builder:
    """Takes the parts of a document in their order."""

    def __init__(self) -> None:
        self._levels: list[_Level] = []
        self._faults: list[Fault] = []
        self._root: tuple[int, Value] | None = None
        self._repeated = 0

    @property
    def awaits_key(self) -> bool:
        """Whether a key of a mapping comes next, or the mapping's end."""
        return bool(self._levels) and self._levels[-1].is_mapping and not self._levels[-1].key

    def begin(self, data: dict[str, Any] | list[Any], line: int) -> None:
        """Begin a mapping or a list; ``data`` is empty."""
        if len(self._levels) == _MAX_DEPTH:
            raise wrong(f"values are nested more than {_MAX_DEPTH} levels deep", line)
        self._levels.append(_Level(Value(data), line))

    def key(self, text: str, line: int, *, merges: bool = False) -> None:
        """Take a key. What follows is its value, or with ``merges`` what goes into the mapping."""
        self._levels[-1].key = _Key(text, line, merges)

    def end(self) -> Value:
        """End what was begun last, and return it."""
        level = self._levels.pop()
        for line, value in level.merged:
            _merge(level.value, value, line)
        return self._attach(level.value, level.line)

    def scalar(self, data: Any, line: int) -> Value:
        """Take a value that has nothing below, and return it."""
        return self._attach(Value(data), line)

    def repeat(self, value: Value, line: int) -> None:
        """Take a value once more."""
        self._repeated += value.size
        if self._repeated > _MAX_REPEATED:
            raise wrong(f"aliases repeat more than {_MAX_REPEATED} values", line)
        self._attach(value, line)

    def document(self) -> Document:
        """Return what was built; nothing at all is the value None."""
        line, value = self._root or (1, Value(None))
        return Document(value.data, _Lines(line, value), tuple(self._faults))

    def _attach(self, value: Value, line: int) -> Value:
        if not self._levels:
            self._root = line, value
            return value
        level = self._levels[-1]
        key, place = level.key, level.place
        if key is None:
            level.value.add(place, line, value)
        elif key.merges:
            level.merged.append((key.line, value))
        else:
            self._check_unique(level, key)
            level.value.add(place, key.line, value)
        level.key = None
        return value

    def _check_unique(self, level: _Level, key: _Key) -> None:
        if key.text not in level.value.below:
            return
        first, _ = level.value.below[key.text]
        path: Path = tuple(each.place for each in self._levels)
        message = f'the key "{key.text}" is there twice, in line {first} and in line {key.line}'
        self._faults.append(Fault(path, message))


def _merge(into: Value, source: Value, line: int) -> None:
    """Add what ``into`` does not have; of several sources the earlier ones win."""
    sources = [one for _, one in source.below.values()] if _is(source, list) else [source]
    for one in sources:
        if not _is(one, dict):
            raise wrong('what "<<" merges must be a mapping or a list of mappings', line)
        for key, (key_line, value) in one.below.items():
            if key not in into.below:
                into.add(key, key_line, value)


def _is(value: Value, kind: type) -> bool:
    return isinstance(value.data, kind)


class _Lines(Mapping[Path, int]):
    """Lines by path, found by walking: repeated values take no room."""

    def __init__(self, line: int, root: Value) -> None:
        self._line = line
        self._root = root

    def __getitem__(self, path: Path) -> int:
        line, value = self._line, self._root
        for part in path:
            line, value = value.below[part]
        return line

    def __iter__(self) -> Iterator[Path]:
        ahead: list[tuple[Path, Value]] = [((), self._root)]
        while ahead:
            path, value = ahead.pop()
            yield path
            ahead.extend(((*path, key), one) for key, (_, one) in value.below.items())

    def __len__(self) -> int:
        return self._root.size
