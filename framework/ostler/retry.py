"""When to try again, and how long to wait before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ostler.clock import Clock
from ostler.errors import Error, Unavailable

__all__ = ["Retries", "RetryPolicy"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how patiently to try again what was `Unavailable`.

    The pause before attempt n + 1 is a random part (full jitter) of
    ``first * 2 ** (n - 1)``, at most ``longest``.

    :param attempts: in all, the first one included; 1: never again.
    :param first: seconds.
    :param longest: seconds.
    :param deadline: seconds after the first failure in which further attempts may begin.
    """

    attempts: int = 6
    first: float = 0.05
    longest: float = 5.0
    deadline: float = 60.0


class Retries:
    """The retries of one call, counted from its first failure.

    :param policy: how often.
    :param clock: for the pauses.
    """

    def __init__(self, policy: RetryPolicy, clock: Clock) -> None:
        self._policy, self._clock = policy, clock
        self._failures = 0
        self._began = clock.monotonic()

    def pause(self, error: Error) -> None:
        """Pause after ``error``, before the next attempt.

        :raises Error: ``error``, at once: it is not `Unavailable`, or the policy is exhausted.
        """
        policy = self._policy
        self._failures += 1
        if not isinstance(error, Unavailable) or self._failures >= policy.attempts:
            raise error
        ceiling = min(policy.longest, policy.first * 2.0 ** (self._failures - 1))
        pause = ceiling * self._clock.random()
        if self._clock.monotonic() + pause - self._began > policy.deadline:
            raise error
        self._clock.sleep(pause)

    def run(self, call: Callable[[], T], error: Error, repeatable: Callable[[Error], bool]) -> T:
        """Call again, after ``error``, until it succeeds or there is no use in going on.

        :raises Error: the last one, when `pause` raises it or ``repeatable`` says no to it.
        """
        while repeatable(error):
            self.pause(error)
            try:
                return call()
            except Error as next_error:
                error = next_error
        raise error
