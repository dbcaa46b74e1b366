"""What the actors of a trial wanted, and what they were told."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

__all__ = ["Excused", "Intent", "Outcome", "Violation", "tag_of"]

MARK = b"|"


class Violation(BaseException):
    """Something that must never happen, happened. Nothing that handles errors may swallow it."""


class Excused(BaseException):
    """Something happened after which nothing is promised: the trial ends without a verdict."""


class Outcome(Enum):
    """What the caller of a commit knows."""

    PENDING = "pending"
    ACKNOWLEDGED = "acknowledged"
    CONFLICT = "conflict"
    REFUSED = "refused"
    UNKNOWN = "unknown"

    @property
    def certainly_not(self) -> bool:
        """Whether the caller was told that it is not committed and never will be."""
        return self in (Outcome.CONFLICT, Outcome.REFUSED)


@dataclass(slots=True)
class Intent:
    """A transaction that an actor tried to commit.

    :param tag: found again in what was stored.
    :param moves: the groups that it moves, those of its token included.
    :param token: number and groups that must not have moved.
    :param begun: the step at which it was tried.
    :ivar at: the commit that holds it, as the storage has it.
    """

    tag: str
    actions: tuple[Any, ...]
    moves: frozenset[str]
    token: tuple[int, tuple[str, ...]] | None
    begun: int
    outcome: Outcome = Outcome.PENDING
    ended: int | None = None
    at: int | None = None
    error: str = ""

    def __str__(self) -> str:
        what = ", ".join(_told(each) for each in self.actions)
        token = f" token {self.token[0]} of {','.join(self.token[1])}" if self.token else ""
        groups = f" moves {','.join(sorted(self.moves))}" if self.moves else ""
        return f"{self.tag}: {what}{groups}{token}"


def tag_of(actions: tuple[Any, ...]) -> str | None:
    """Return the tag of the intent that stored actions belong to."""
    for action in actions:
        data = getattr(action, "data", None)
        if data is not None:
            return bytes(data).partition(MARK)[0].decode(errors="replace")
        if action.id.startswith("zz-"):
            return str(action.id[3:])
    return None


def _told(action: Any) -> str:
    data = getattr(action, "data", None)
    return f"delete {action.type}/{action.id}" if data is None else f"put {action.type}/{action.id}"
