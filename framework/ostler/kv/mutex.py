"""A mutex over processes and machines."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from ostler.errors import Conflict
from ostler.spi import Compare

from .line import Line, Place
from .store import KeyValueStore

__all__ = ["Mutex"]


class Mutex:
    """A mutual exclusion by name: fair, and freed when its holder dies.

    A holder that loses its lease (it was asleep, or cut off, for longer than
    the time to live) is told by `lost`, and must stop. What must not happen
    twice goes into a transaction together with `guard`.

    :param ttl: seconds after which a dead holder's lock is free.
    """

    def __init__(self, store: KeyValueStore, name: str, ttl: float) -> None:
        self._line, self._ttl = Line(store, name), ttl
        self._place: Place | None = None

    def acquire(self, timeout: float | None = None) -> bool:
        """Wait for the lock, at most ``timeout`` seconds; return whether it is held.

        :raises Conflict: this object holds it already.
        :raises Unavailable: the store could not be reached for too long.
        """
        if self._place is not None:
            raise Conflict(f"mutex {self._line.name!r} is held by this object already")
        place = self._line.join(b"", self._ttl)
        held = False
        try:
            held = place.wait(timeout)
        finally:
            if not held:
                place.leave()
        self._place = place if held else None
        return held

    def release(self) -> None:
        """Free it. Also right after the lease was lost."""
        place, self._place = self._held(), None
        place.leave()

    @property
    def lost(self) -> threading.Event:
        """Set when the lock is no longer held though it was not released."""
        return self._held().lease.lost

    @property
    def guard(self) -> Compare:
        """A comparison that holds as long as the lock is held."""
        return self._held().guard

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def _held(self) -> Place:
        if self._place is None:
            raise Conflict(f"mutex {self._line.name!r} is not held by this object: acquire it")
        return self._place
