"""The one error tree of the project.

::

    Error
    ├── BadRequest      400   the caller asked for something that can never work
    ├── Unauthorized    401   nobody knows who is asking
    ├── Forbidden       403   known, and not allowed
    ├── NotFound        404   what was named does not exist
    ├── Conflict        409   not possible in the present state
    │   └── Compacted   409   the revision asked for is no longer kept
    ├── Unavailable     503   may work later: worth a retry
    │   └── Unknown     503   it may or may not have happened
    └── Internal        500   a defect, or damage

Raise the narrowest type with a message for the person who reads it: what
happened, where, and what to do. Act upon the type or the ``code``, never upon
the message. Add context by raising a new error ``from`` the old one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

__all__ = [
    "BadRequest",
    "Compacted",
    "Conflict",
    "Error",
    "Forbidden",
    "Internal",
    "NotFound",
    "Unauthorized",
    "Unavailable",
    "Unknown",
    "chain",
    "innermost",
]


class Error(Exception):
    """The base of every error that Ostler raises on purpose.

    :param message: a sentence for the person who reads it.
    :param code: stable and machine-readable; the type's own unless given.
    :param details: anything more, JSON-serialisable.
    """

    default_code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.details: dict[str, Any] = dict(details or {})


class BadRequest(Error):
    """What was asked for can never work as asked."""

    default_code = "bad_request"
    status = 400


class Unauthorized(Error):
    """The caller did not prove who they are, or the proof was refused."""

    default_code = "unauthorized"
    status = 401


class Forbidden(Error):
    """The caller is known and may not do this."""

    default_code = "forbidden"
    status = 403


class NotFound(Error):
    """What was named does not exist."""

    default_code = "not_found"
    status = 404


class Conflict(Error):
    """The present state does not allow it: it exists, it changed, it is over."""

    default_code = "conflict"
    status = 409


class Compacted(Conflict):
    """The revision asked for is older than what is kept: list again, then watch."""

    default_code = "compacted"


class Unavailable(Error):
    """It did not work now and may later: worth a retry."""

    default_code = "unavailable"
    status = 503


class Unknown(Unavailable):
    """Nobody can say whether it happened: ask before doing it again."""

    default_code = "unknown"


class Internal(Error):
    """A defect of the program, or damaged data."""

    default_code = "internal"
    status = 500


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield ``error`` and what it was raised from, outermost first."""
    current: BaseException | None = error
    seen: set[int] = set()  # an error raised from itself would go on for ever
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or (
            None if current.__suppress_context__ else current.__context__
        )


def innermost(error: BaseException) -> Error | None:
    """Return the innermost typed error of a chain, or None when there is none."""
    found: Error | None = None
    for item in chain(error):
        if isinstance(item, Error):
            found = item
    return found
