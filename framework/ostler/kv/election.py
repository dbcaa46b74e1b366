"""An election: of many candidates one leads, and everyone can see who."""

from __future__ import annotations

import threading

from ostler.closing import Closing
from ostler.errors import Compacted, Conflict
from ostler.spi import Compare, KeyValue, Put

from .line import Line, Place
from .store import KeyValueStore

__all__ = ["Election", "Leadership"]


class Election:
    """One candidate of an election, or somebody who only looks.

    :param name: of the election.
    :param value: what this candidate says of itself (an address, an id).
    :param ttl: seconds after which a dead leader is replaced.
    """

    def __init__(self, store: KeyValueStore, name: str, value: bytes, ttl: float) -> None:
        self._store, self._line = store, Line(store, name)
        self._value, self._ttl = value, ttl
        self._place: Place | None = None

    def campaign(self, timeout: float | None = None) -> bool:
        """Wait to lead, at most ``timeout`` seconds; return whether this candidate leads.

        :raises Conflict: it leads already.
        :raises Unavailable: the store could not be reached for too long.
        """
        if self._place is not None:
            raise Conflict(f"this candidate leads {self._line.name!r} already")
        place = self._line.join(self._value, self._ttl)
        leads = False
        try:
            leads = place.wait(timeout)
        finally:
            if not leads:
                place.leave()
        self._place = place if leads else None
        return leads

    def resign(self) -> None:
        """Stop leading: the next candidate leads at once. Does nothing when it does not lead."""
        place, self._place = self._place, None
        if place is not None:
            place.leave()

    def leader(self) -> KeyValue | None:
        """Return the leader's key and what it says of itself; None: nobody leads."""
        return self._line.head()

    def observe(self) -> Leadership:
        """Watch who leads."""
        return Leadership(self._store, self._line)

    def proclaim(self, value: bytes) -> None:
        """Say something else of oneself.

        :raises Conflict: this candidate does not lead (any more).
        """
        place = self._leading()
        put = Put(place.key, value, place.lease.id)
        if not self._store.txn([place.guard], [put]).succeeded:
            raise Conflict(f"this candidate leads {self._line.name!r} no more: campaign again")

    @property
    def lost(self) -> threading.Event:
        """Set when this candidate leads no more though it did not resign."""
        return self._leading().lease.lost

    @property
    def guard(self) -> Compare:
        """A comparison that holds as long as this candidate leads."""
        return self._leading().guard

    def _leading(self) -> Place:
        if self._place is None:
            raise Conflict(f"this candidate does not lead {self._line.name!r}: campaign first")
        return self._place


class Leadership(Closing):
    """Who leads, as it changes. One thread reads it; any thread may close it."""

    def __init__(self, store: KeyValueStore, line: Line) -> None:
        self._store, self._line = store, line
        self.leader: KeyValue | None = None
        self._began = False
        self._watch = store.watch(line.prefix)

    def next(self, timeout: float | None = None) -> bool:
        """Wait until `leader` is another one or says something else; the first time: read it.

        :returns: False when ``timeout`` seconds went by without that, or it was closed.
        """
        clock = self._store.clock
        deadline = None if timeout is None else clock.monotonic() + timeout
        while self._began:
            left = None if deadline is None else max(0.0, deadline - clock.monotonic())
            if not self._changed(left):
                return False
            if self._read():
                return True
        self._began = True
        self._read()
        return True

    def close(self) -> None:
        """Stop watching. Idempotent."""
        self._watch.close()

    def _changed(self, timeout: float | None) -> bool:
        try:
            return bool(self._watch.next(timeout))
        except Compacted:
            self._watch.close()
            self._watch = self._store.watch(self._line.prefix)
            return True

    def _read(self) -> bool:
        before, self.leader = self.leader, self._line.head()
        return before != self.leader
