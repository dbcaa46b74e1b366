"""Changes in the datamanager: read, decide, commit, until it is known what became of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ostler.errors import Conflict, Unknown

__all__ = ["until_settled"]

T = TypeVar("T")

_ATTEMPTS = 1000
_UNKNOWNS = 3


def until_settled(step: Callable[[], T], what: str) -> T:
    """Call ``step`` until its commit is neither overtaken nor of unknown outcome; return its result.

    :param step: reads, and commits with a token of what it read, unless it reads
        that what it wants is done: so an outcome that is unknown is settled by
        reading, and nothing is done twice.
    :param what: is being done, for the message.
    :raises Conflict: others are faster every time; and what ``step`` raises.
    :raises Unknown: the storage does not answer; it may be done, or become so.
    """
    unknowns = 0
    for _ in range(_ATTEMPTS):
        try:
            return step()
        except Conflict as error:
            if error.code != "changed":
                raise
        except Unknown:
            unknowns += 1
            if unknowns == _UNKNOWNS:
                raise
    raise Conflict(f"{what}: others change the same too fast; try again")
