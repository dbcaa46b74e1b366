"""Trying again: always what only reads or may be done twice, never what may have been done."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ostler.clock import Clock
from ostler.errors import Error, Unavailable, Unknown
from ostler.retry import Retries, RetryPolicy

__all__ = ["Attempts"]

T = TypeVar("T")


class Attempts:
    """Calls a driver as often as a policy allows."""

    def __init__(self, policy: RetryPolicy, clock: Clock) -> None:
        self._policy, self._clock = policy, clock

    def repeat(self, call: Callable[[], T]) -> T:
        """Call what may be done twice; again after anything `Unavailable`."""
        return self._run(call, _always)

    def write(self, call: Callable[[], T]) -> T:
        """Call what must be done once; again only when it was certainly not done."""
        return self._run(call, _not_done)

    def begin(self) -> Retries:
        """Begin to count the retries of a call that has just failed."""
        return Retries(self._policy, self._clock)

    def _run(self, call: Callable[[], T], repeatable: Callable[[Error], bool]) -> T:
        try:
            return call()
        except Unavailable as error:
            first = error
        return self.begin().run(call, first, repeatable)


def _always(_error: Error) -> bool:
    return True


def _not_done(error: Error) -> bool:
    return not isinstance(error, Unknown)
