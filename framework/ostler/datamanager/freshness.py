"""How long ago this process last saw for certain where the log ends.

What the newest manifest covers is removed from the log after a grace period. A
process that was asleep for longer may take the empty place of a removed object
for the end of the log. So each conclusion from an absent number must be
younger than half of the grace period, or be checked against the newest manifest.
Both clocks count: the monotonic one may stand still while a machine sleeps, the
wall clock may be set.
"""

from __future__ import annotations

from dataclasses import dataclass

from ostler.clock import Clock

__all__ = ["Freshness", "Instant"]


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment on both clocks, in seconds."""

    monotonic: float
    wall: float


class Freshness:
    """When the end of the log was last seen.

    :param grace: seconds that removed objects are kept at least.
    """

    def __init__(self, clock: Clock, grace: float) -> None:
        self._clock, self._limit = clock, grace / 2
        self._seen: Instant | None = None

    def now(self) -> Instant:
        """Return this moment: take it before the look at the storage that it is to stand for."""
        return Instant(self._clock.monotonic(), self._clock.now())

    def seen(self, at: Instant) -> None:
        """Note that the end of the log was where it is known to be, at ``at`` or later."""
        self._seen = at

    @property
    def stale(self) -> bool:
        """Whether an absent number may be one that was removed."""
        if self._seen is None:
            return True
        now = self.now()
        monotonic, wall = now.monotonic - self._seen.monotonic, now.wall - self._seen.wall
        return not (0 <= monotonic < self._limit and -1 <= wall < self._limit)
