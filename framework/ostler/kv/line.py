"""A line of candidates: who came first has it, the others wait in order. Mutex and election are lines.

Everyone has a key below the name, bound to a lease. The one that was created
first is the head. Each of the others watches only the one before it, so that a
change wakes one of them and not all.
"""

from __future__ import annotations

from ostler.errors import Compacted, Unavailable
from ostler.spi import Compare, Get, KeyValue, Put, Target

from .lease import KeptLease
from .store import KeyValueStore, absent

__all__ = ["Line", "Place"]


class Line:
    """A line.

    :param name: its keys begin with it and ``/``.
    """

    def __init__(self, store: KeyValueStore, name: str) -> None:
        self.store, self.name = store, name
        self.prefix = f"{name}/"

    def head(self) -> KeyValue | None:
        """Return who came first; None: nobody is there."""
        return min(self.store.items(self.prefix), key=_created, default=None)

    def join(self, value: bytes, ttl: float) -> Place:
        """Take the last place, with a lease of its own."""
        lease = self.store.lease(ttl)
        try:
            return Place(self, value, lease)
        except BaseException:
            lease.close()
            raise


class Place:
    """A place in a line, held by a lease.

    :ivar key: of the place.
    :ivar revision: at which it was taken.
    """

    def __init__(self, line: Line, value: bytes, lease: KeptLease) -> None:
        self._line, self._store, self.lease = line, line.store, lease
        self.key = f"{line.prefix}{lease.id:016x}"
        self.revision = self._take(value)

    @property
    def guard(self) -> Compare:
        """A comparison that fails once the place is gone: put it into what the place protects."""
        return Compare(self.key, Target.CREATE_REVISION, self.revision)

    def wait(self, timeout: float | None) -> bool:
        """Wait to be the head; False when time runs out.

        :raises Unavailable: the lease was lost meanwhile (code ``"lease_lost"``).
        """
        clock = self._store.clock
        deadline = None if timeout is None else clock.monotonic() + timeout
        while True:
            before, revision = self._predecessor()
            if before is None:
                return True
            left = None if deadline is None else deadline - clock.monotonic()
            if left is not None and left <= 0:
                return False
            self._await_departure(before, revision, left)

    def leave(self) -> None:
        """Give the place up: the next one is the head at once. Idempotent."""
        self.lease.close()

    def _take(self, value: bytes) -> int:
        # Comparing makes it safe to do twice, so an unknown outcome is asked about by doing it.
        put = Put(self.key, value, self.lease.id)
        try:
            result = self._store.txn([absent(self.key)], [put, Get(self.key)], [Get(self.key)])
        except Unavailable:
            result = self._store.txn([absent(self.key)], [put, Get(self.key)], [Get(self.key)])
        (taken,) = result.reads
        assert taken is not None
        return taken.create_revision

    def _predecessor(self) -> tuple[KeyValue | None, int]:
        """Return who stands directly before this place, and the revision that shows it."""
        page = self._store.list(self._line.prefix, limit=1)
        line = list(self._store.items(self._line.prefix, revision=page.revision))
        if not self.lease.alive or all(each.create_revision != self.revision for each in line):
            raise Unavailable(
                f"the lease behind a place in {self._line.name!r} was lost: join again",
                code="lease_lost",
            )
        before = (each for each in line if each.create_revision < self.revision)
        return max(before, key=_created, default=None), page.revision

    def _await_departure(self, other: KeyValue, revision: int, timeout: float | None) -> None:
        with self._store.watch(other.key, revision=revision + 1) as watch:
            self.lease.on_loss(watch.close)
            try:
                watch.next(timeout)
            except Compacted:
                return  # the line is read again


def _created(item: KeyValue) -> int:
    return item.create_revision
