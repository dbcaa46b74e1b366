"""A watch that goes on through short outages."""

from __future__ import annotations

from collections.abc import Iterator

from ostler.clock import Clock
from ostler.errors import Unavailable
from ostler.spi import Event, Watch

from .attempts import Attempts
from .scope import Scope

__all__ = ["Watching"]


class Watching(Watch):
    """A watch of one store: a context manager, and an iterator over the answers of `next`.

    One thread reads it; any thread may close it.
    """

    def __init__(self, watch: Watch, scope: Scope, attempts: Attempts, clock: Clock) -> None:
        self._watch, self._scope = watch, scope
        self._attempts, self._clock = attempts, clock

    def next(self, timeout: float | None = None) -> tuple[Event, ...]:
        deadline = None if timeout is None else self._clock.monotonic() + timeout
        retries = None
        while True:
            try:
                return self._scope.events(self._watch.next(timeout))
            except Unavailable as error:
                retries = retries or self._attempts.begin()
                retries.pause(error)
            if deadline is not None:
                timeout = max(0.0, deadline - self._clock.monotonic())

    def close(self) -> None:
        self._watch.close()

    def __iter__(self) -> Iterator[tuple[Event, ...]]:
        """Yield events, those of a transaction together, until the watch is closed."""
        while events := self.next():
            yield events
