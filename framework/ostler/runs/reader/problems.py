from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from ostler.errors import BadRequest

__all__ = ["ConfigError", "Problem", "meant", "shown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong with a run config.

    :param line: from 1.
    :param run: name of the run, ``#2`` for the second one when it has none; empty: of no run.
    :param task: likewise.
    :param step: its number from 1 and its type, ``3 (run)``; empty: of no step.
    """

    file: str
    line: int
    message: str
    run: str = ""
    task: str = ""
    step: str = ""

    def __str__(self) -> str:
        place = [f"{kind} {_name(name)}" for kind, name in self._owners() if name]
        if self.step:
            place.append(f"step {self.step}")
        owner = f"{', '.join(place)}: " if place else ""
        return f"{self.file}:{self.line}: {owner}{self.message}"

    def _owners(self) -> tuple[tuple[str, str], ...]:
        return ("run", self.run), ("task", self.task)


class ConfigError(BadRequest):
    """A run config is wrong. Its message has one line per problem.

    :param problems: all that is wrong, by line; never empty.
    """

    default_code: ClassVar[str] = "bad_config"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        super().__init__(
            "\n".join(map(str, self.problems)),
            details={"problems": [asdict(problem) for problem in self.problems]},
        )


def meant(word: str, known: Iterable[str]) -> str:
    """Return a hint at the closest of ``known``, in brackets with a space before; or nothing."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f' (did you mean "{close[0]}"?)' if close else ""


def shown(value: Any) -> str:
    """Return ``value`` as a message shows it: short, and as it stands in YAML and JSON."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{_short(value)}"'
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, Sequence) else str(value)


def _short(text: str) -> str:
    line = text.replace("\n", "\\n")
    return line if len(line) <= 60 else f"{line[:57]}..."


def _name(name: str) -> str:
    return name if name.startswith("#") else f'"{name}"'
