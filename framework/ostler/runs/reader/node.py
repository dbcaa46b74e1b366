"""Values of a document with the way to them: what is asked of one is answered or reported."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from ostler.runs.when import Source
from ostler.spi.configs import Document, Path
from ostler.spi.steps import StepType

from .owners import owners
from .problems import Problem, meant, shown

__all__ = ["MAX_NAME", "Node", "Reading", "Scope"]

MAX_NAME = 100


@dataclass(slots=True, kw_only=True)
class Reading:
    """What the whole of one file has in common, and the problems found so far."""

    file: str
    document: Document
    step_types: Mapping[str, StepType]
    variables: Mapping[str, str]
    source: Source
    problems: list[Problem] = field(default_factory=list)

    def line(self, path: Path) -> int:
        """Return the line of a path, or of its nearest parent that has one."""
        lines = self.document.lines
        ways = (path[:length] for length in range(len(path), -1, -1))
        return next((lines[way] for way in ways if way in lines), 1)

    def report(self, path: Path, message: str) -> None:
        """Add a problem with what is at ``path``."""
        owned = owners(self.document.value, path)
        self.problems.append(
            Problem(file=self.file, line=self.line(path), message=message, **owned)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What holds for all values of a run or a task.

    :param live: False when it will not run, so that variables need not be set.
    :param secrets: values of variables that were used, collected here.
    """

    live: bool = True
    secrets: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Node:
    """A value. Every question that it cannot answer is a problem, and has a harmless answer."""

    value: Any
    path: Path
    scope: Scope
    reading: Reading

    def child(self, key: str | int, value: Any) -> Node:
        """Return what is found below, under ``key``."""
        return Node(value, (*self.path, key), self.scope, self.reading)

    def within(self, scope: Scope) -> Node:
        """Return the same value in another scope."""
        return Node(self.value, self.path, scope, self.reading)

    def fail(self, message: str) -> None:
        """Report a problem with this value."""
        self.reading.report(self.path, message)

    @property
    def label(self) -> str:
        """How messages name the value: by its key, items of lists by their number too."""
        keys = [part for part in self.path if isinstance(part, str)]
        name = f'"{keys[-1]}"' if keys else "the file"
        last = self.path[-1] if self.path else ""
        return f"item {last + 1} of {name}" if isinstance(last, int) else name

    def wrong(self, wanted: str) -> None:
        """Report that the value is not ``wanted``."""
        self.fail(f"{self.label} must be {wanted}, not {shown(self.value)}")

    def mapping(self, known: Collection[str]) -> dict[str, Node]:
        """Return the values by key, without those that are left empty; unknown keys are problems."""
        found = self.members()
        for key, node in found.items():
            if key not in known:
                node.fail(f'unknown key "{key}"{meant(key, known)}')
        return {key: node for key, node in found.items() if node.value is not None}

    def members(self) -> dict[str, Node]:
        """Return the values by key, whatever the keys are."""
        if isinstance(self.value, dict):
            return {key: self.child(key, value) for key, value in self.value.items()}
        if self.value is not None:
            self.wrong("a mapping")
        return {}

    def items(self) -> list[Node]:
        """Return the values of a list."""
        if isinstance(self.value, list):
            return [self.child(index, value) for index, value in enumerate(self.value)]
        if self.value is not None:
            self.wrong("a list")
        return []

    def text(self) -> str:
        """Return a string."""
        if isinstance(self.value, str):
            return self._printable(self.value)
        if isinstance(self.value, bool | int | float):
            self.fail(f"{self.label} must be a string, not {shown(self.value)}: quote it")
        elif self.value is None:
            self.fail(f'{self.label} must be a string, and is empty: write "" if that is meant')
        else:
            self.wrong("a string")
        return ""

    def texts(self) -> list[str]:
        """Return a list of strings."""
        return [item.text() for item in self.items()]

    def name(self) -> str:
        """Return a name: not empty, on one line, not too long."""
        name = self.text()
        if isinstance(self.value, str) and not name.strip():
            self.fail(f"{self.label} must not be empty")
        elif len(name) > MAX_NAME:
            self.fail(f"{self.label} has {len(name)} characters: at most {MAX_NAME} are allowed")
        elif not name.isprintable():
            self.fail(f"{self.label} must be printable text on one line, not {name!r}")
        return name

    def flag(self) -> bool:
        """Return a truth value."""
        if not isinstance(self.value, bool):
            self.wrong("true or false")
        return self.value is True

    def count(self) -> int | None:
        """Return a whole number of at least 1."""
        if isinstance(self.value, int) and not isinstance(self.value, bool) and self.value >= 1:
            return self.value
        self.wrong("a whole number, 1 or more")
        return None

    def setting(self) -> str:
        """Return a string, or the value of a variable, which is a secret from then on."""
        if not isinstance(self.value, dict):
            return self.text()
        if self.value.get("from_variable") is None:
            self.fail(f"{self.label} must be a string or {{from_variable: NAME}}")
            return ""
        return self.mapping({"from_variable"})["from_variable"]._variable()

    def settings(self) -> dict[str, str]:
        """Return an environment: names and strings or variables."""
        return {key: node._checked(key).setting() for key, node in self.members().items()}

    def _printable(self, text: str) -> str:
        if "\0" in text:
            self.fail(f"{self.label} has a NUL character: no process can be given one")
        elif not text.isascii() and any("\ud800" <= one <= "\udfff" for one in text):
            self.fail(f"{self.label} has half of a surrogate pair: it is not text")
        return text

    def _checked(self, key: str) -> Node:
        if not key or "=" in key or "\0" in key:
            self.fail(f"{shown(key)} cannot be the name of a variable")
        return self

    def _variable(self) -> str:
        name = self.name()
        value = self.reading.variables.get(name)
        if value is None:
            if name and self.scope.live:
                known = meant(name, self.reading.variables)
                self.fail(f'variable "{name}" is not set{known}: give it with --var {name}=VALUE')
            return ""
        if value and value not in self.scope.secrets:
            self.scope.secrets.append(value)
        return value
