"""What stands around every call of a driver: typed errors and retries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from ostler.clock import Clock
from ostler.errors import Error, Internal
from ostler.retry import Retries, RetryPolicy

__all__ = ["Guard", "Source"]

T = TypeVar("T")


class Source(Protocol):
    """What a guarded call reads from, when it does."""

    @property
    def error(self) -> BaseException | None:
        """What the source itself raised, which is not the driver's doing."""

    def repeatable(self, error: Error) -> bool:
        """Whether the call may be made again after ``error``."""


class Guard:
    """Calls a driver: maps what must not leave it, and tries again what was `Unavailable`.

    :param name: the driver's, for messages.
    """

    def __init__(self, name: str, policy: RetryPolicy, clock: Clock) -> None:
        self.name = name
        self._policy, self._clock = policy, clock

    def run(
        self, operation: str, key: str, call: Callable[[], T], source: Source | None = None
    ) -> T:
        """Return what ``call`` does, calling it as often as the policy and the source allow.

        :raises Error: whatever the driver raised; `Internal` for what it should not have.
            What ``source`` itself raised comes out unchanged.
        """
        try:
            return call()
        except Exception as error:
            first = self.typed(operation, key, error, source)

        def again() -> T:
            try:
                return call()
            except Exception as error:
                typed = self.typed(operation, key, error, source)
                if typed is error:
                    raise
                raise typed from error

        return self.retries().run(again, first, source.repeatable if source else _always)

    def retries(self) -> Retries:
        """Begin to count the retries of a call that has just failed."""
        return Retries(self._policy, self._clock)

    def typed(
        self, operation: str, key: str, error: Exception, source: Source | None = None
    ) -> Error:
        """Return ``error`` if it is one of ours, else an `Internal` that names driver and operation.

        :raises Exception: the source's own error, when it has one.
        """
        if source is not None and source.error is not None:
            raise source.error
        if isinstance(error, Error):
            return error
        internal = Internal(
            f"{self.name} failed to {operation} {key!r} with {type(error).__name__}: {error}; "
            "a driver must raise the errors of ostler.errors: report this to its author"
        )
        internal.__cause__ = error
        return internal


def _always(_error: Error) -> bool:
    return True
