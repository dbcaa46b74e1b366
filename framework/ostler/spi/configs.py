"""Run-config formats: what a plugin implements to read another kind of file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .info import Reference

__all__ = ["ConfigFormat", "Document", "Fault", "Path"]

Path = tuple[str | int, ...]
"""The way to a value: ``("runs", 0, "tasks", 2, "steps")``."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A mistake that does not stop the reading, such as a key that is there twice."""

    path: Path
    message: str


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file.

    :param value: JSON-like: dict (string keys), list, str, int, float, bool, None.
    :param lines: line number, from 1, of values and (for mappings) of their
        keys, by path; where a path is missing the nearest parent's line is shown.
    :param faults: reported together with all else that is wrong.
    """

    value: Any
    lines: Mapping[Path, int] = field(default_factory=dict)
    faults: Sequence[Fault] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFormat:
    """A format.

    :param suffixes: of file names (``(".yml", ".yaml")``).
    :param read: reference to ``(text, filename) -> Document``, which raises
        `BadRequest` with ``details={"line": n}`` for what it cannot parse.
    """

    name: str
    summary: str
    suffixes: tuple[str, ...]
    read: Reference
