"""What lies in the simulated object storage: what is visible, and what would survive a power loss."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

from ostler.errors import Conflict
from ostler.spi.storage import ObjectInfo

from .chance import Chance
from .process import EPOCH
from .scheduler import Scheduler

__all__ = ["Objects", "Stored"]

RESURRECTION = 60.0
"""Virtual seconds within which a deletion may be undone by a power loss."""


class Stored:
    """One version of an object. It is visible from the moment that it is in `Objects.present`.

    :ivar below: the durable version that it replaced, and that a power loss uncovers.
    """

    __slots__ = ("below", "data", "durable", "etag", "modified")

    def __init__(self, data: bytes, modified: float, etag: str, durable: bool) -> None:
        self.data, self.modified, self.etag, self.durable = data, modified, etag, durable
        self.below: Stored | None = None

    @property
    def safe(self) -> bool:
        """Whether these bytes survive a power loss."""
        return self.durable or (self.below is not None and self.below.data == self.data)

    def info(self, key: str) -> ObjectInfo:
        return ObjectInfo(key, len(self.data), self.modified, self.etag)


class Objects:
    """The storage that all processes share.

    :param offset: by how much its own clock, the one of modified times, is wrong.
    :ivar on_put: called with key and version after each effective put.
    :ivar on_delete: called with key and version after each effective deletion.
    """

    def __init__(self, scheduler: Scheduler, chance: Chance, *, offset: float) -> None:
        self._scheduler, self._chance, self._offset = scheduler, chance, offset
        self.present: dict[str, Stored] = {}
        self.on_put: Callable[[str, Stored], None] = _nothing
        self.on_delete: Callable[[str, Stored], None] = _nothing
        self._sorted: list[str] | None = None
        self._serial = 0
        self._removed: dict[str, tuple[Stored, float]] = {}

    @property
    def now(self) -> float:
        """The storage's own wall clock."""
        return EPOCH + self._offset + self._scheduler.now

    def put(self, key: str, data: bytes, *, if_absent: bool, durable: bool) -> Stored:
        """Store at this instant.

        :raises Conflict: ``if_absent``, and it exists.
        """
        before = self.present.get(key)
        if before is not None and if_absent:
            raise Conflict(f"{key!r} exists already", code="exists")
        self._serial += 1
        stored = Stored(data, self.now, f"{self._serial}", durable)
        if before is None:
            self._sorted = None
        elif not durable:
            stored.below = before if before.durable else before.below
        self.present[key] = stored
        self._removed.pop(key, None)
        self.on_put(key, stored)
        return stored

    def sync(self, key: str, stored: Stored) -> None:
        """Make a version durable; if it was replaced meanwhile, it is what lies below."""
        stored.durable = True
        seen = self.present.get(key)
        if seen is not None and not seen.durable and int(seen.etag) > int(stored.etag):
            seen.below = stored

    def delete(self, key: str) -> None:
        """Remove at this instant; absence is no error."""
        stored = self.present.pop(key, None)
        if stored is None:
            return
        self._sorted = None
        if stored.durable:
            self._removed[key] = (stored, self._scheduler.now)
        self.on_delete(key, stored)

    def after(self, prefix: str, start_after: str) -> list[str]:
        """Return the keys that begin with ``prefix`` and come after ``start_after``, in order."""
        if self._sorted is None:
            self._sorted = sorted(self.present)
        ordered = self._sorted
        at = bisect_right(ordered, start_after) if start_after else 0
        return [key for key in ordered[at:] if key.startswith(prefix)]

    def power_loss(self) -> tuple[list[str], list[str]]:
        """Lose what is not durable, at random, and bring back some of what was deleted; return both."""
        coin, since = self._chance.random, self._scheduler.now - RESURRECTION
        lost = []
        for key, stored in list(self.present.items()):
            if stored.durable or coin() < 0.5:
                continue
            if stored.below is not None:
                self.present[key] = stored.below
            else:
                del self.present[key]
                lost.append(key)
        for stored in self.present.values():
            stored.durable = True
        back = [
            key
            for key, (_, when) in self._removed.items()
            if when > since and key not in self.present and coin() < 0.3
        ]
        for key in back:
            self.present[key] = self._removed[key][0]
        self._removed.clear()
        self._sorted = None
        self._chance.counts["object lost"] += len(lost)
        self._chance.counts["deletion undone"] += len(back)
        return lost, back

    def copy(self, scheduler: Scheduler, chance: Chance, *, durable_only: bool = False) -> Objects:
        """Return a storage with the same content, on which nothing fails."""
        other = Objects(scheduler, chance, offset=self._offset)
        other._serial = self._serial
        other.present = {
            key: seen
            for key, stored in self.present.items()
            if (seen := stored if stored.durable or not durable_only else stored.below)
        }
        return other

    def replace(self, key: str, data: bytes) -> None:
        """Let other bytes be there, as if they had always been."""
        stored = self.present[key]
        self.present[key] = Stored(data, stored.modified, stored.etag, True)

    def damage(self, key: str) -> str:
        """Break an object: gone, cut, emptied or flipped; return what was done."""
        stored = self.present[key]
        data, at = stored.data, self._chance.below(len(stored.data))
        how = self._chance.pick(("gone", "cut", "emptied", "flipped"))
        if how == "gone":
            del self.present[key]
            self._sorted = None
            return f"{key} is gone"
        flipped = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        broken = {"cut": data[:at], "emptied": b"", "flipped": flipped}[how]
        self.replace(key, broken)
        return f"{key} is {how}"


def _nothing(key: str, stored: Stored) -> None:
    """Nobody listens."""
