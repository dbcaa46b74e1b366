"""What lies in the simulated key-value store: etcd's model, as far as a datamanager uses it."""

from __future__ import annotations

from collections.abc import Sequence

from ostler.errors import BadRequest, Compacted, NotFound
from ostler.spi import (
    Compare,
    Delete,
    Event,
    Get,
    KeyValue,
    Operation,
    Page,
    Put,
    Target,
    TxnResult,
)

from .scheduler import Scheduler, Task

__all__ = ["Store"]


class Store:
    """The store that all processes share.

    :ivar generation: grows when the store is emptied or turned back.
    :ivar waiting: tasks that wait for any change.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self.revision = 1
        self.generation = 0
        self.down_until = 0.0
        self.items: dict[str, KeyValue] = {}
        self.events: list[Event] = []
        self.compacted = 0
        self.waiting: list[Task] = []
        self._leases = 0
        self._snapshot: tuple[int, dict[str, KeyValue], list[Event], int] | None = None

    def get(self, key: str) -> KeyValue | None:
        return self.items.get(key)

    def list(self, prefix: str, start_after: str, limit: int, revision: int) -> Page:
        items = self.items if not revision else self._at(revision)
        found = [items[k] for k in sorted(items) if k.startswith(prefix) and k > start_after]
        return Page(revision or self.revision, tuple(found[:limit]), len(found) > limit)

    def txn(
        self,
        compares: Sequence[Compare],
        then: Sequence[Operation],
        otherwise: Sequence[Operation],
    ) -> TxnResult:
        succeeded = all(map(self._holds, compares))
        revision, before = self.revision + 1, len(self.events)
        reads: list[KeyValue | None] = []
        for operation in then if succeeded else otherwise:
            self._apply(operation, revision, reads)
        if len(self.events) > before:
            self.revision = revision
            self._scheduler.wake(self.waiting)
        return TxnResult(succeeded, self.revision, tuple(reads))

    def since(self, prefix: str, revision: int) -> tuple[Event, ...]:
        """Return the events of ``prefix`` from ``revision`` on.

        :raises Compacted: some of them are forgotten.
        """
        if revision <= self.compacted:
            raise Compacted(f"revision {revision} is forgotten", code="compacted")
        return tuple(e for e in self.events if e.revision >= revision and e.key.startswith(prefix))

    def compact(self, revision: int) -> None:
        if revision > self.revision:
            raise BadRequest(f"revision {revision} is in the future")
        self.compacted = max(self.compacted, revision - 1)
        self.events = [each for each in self.events if each.revision > self.compacted]

    def grant(self) -> int:
        self._leases += 1
        return self._leases

    def wipe(self) -> None:
        """Lose everything."""
        self.revision, self.items, self.events, self.compacted = 1, {}, [], 0
        self._changed()

    def remember(self) -> None:
        """Keep a backup of what there is."""
        self._snapshot = (self.revision, dict(self.items), list(self.events), self.compacted)

    @property
    def turns_back(self) -> bool:
        """Whether there is a backup."""
        return self._snapshot is not None

    def turn_back(self) -> None:
        """Go back to the backup."""
        assert self._snapshot is not None
        self.revision, items, events, self.compacted = self._snapshot
        self.items, self.events = dict(items), list(events)
        self._changed()

    def copy(self, scheduler: Scheduler) -> Store:
        """Return a store with the same content."""
        other = Store(scheduler)
        other.revision, other.items, other.events = (
            self.revision,
            dict(self.items),
            list(self.events),
        )
        other.compacted = self.compacted
        return other

    def _changed(self) -> None:
        self.generation += 1
        self._scheduler.wake(self.waiting)

    def _holds(self, compare: Compare) -> bool:
        item = self.items.get(compare.key)
        if compare.target is Target.VALUE:
            return item is not None and item.value == compare.expected
        if item is None:
            return compare.expected == 0
        return bool(getattr(item, compare.target.value) == compare.expected)

    def _apply(
        self,
        operation: Operation,
        revision: int,
        reads: list[KeyValue | None],
    ) -> None:
        if isinstance(operation, Get):
            reads.append(self.items.get(operation.key))
        elif isinstance(operation, Put):
            self._write(operation, revision)
        else:
            self._remove(operation, revision)

    def _write(self, put: Put, revision: int) -> None:
        if put.lease > self._leases:
            raise NotFound(f"there is no lease {put.lease}")
        old = self.items.get(put.key)
        created, version = (old.create_revision, old.version + 1) if old else (revision, 1)
        item = KeyValue(put.key, put.value, created, revision, version, put.lease)
        self.items[put.key] = item
        self.events.append(Event(revision, put.key, item))

    def _remove(self, delete: Delete, revision: int) -> None:
        keys = (
            [k for k in self.items if k.startswith(delete.key)] if delete.prefix else [delete.key]
        )
        for key in sorted(keys):
            if self.items.pop(key, None) is not None:
                self.events.append(Event(revision, key, None))

    def _at(self, revision: int) -> dict[str, KeyValue]:
        if revision > self.revision:
            raise BadRequest(f"revision {revision} is in the future")
        if revision < self.compacted:
            raise Compacted(f"revision {revision} is forgotten")
        items = {key: item for key, item in self.items.items() if item.mod_revision <= revision}
        for event in self.events:
            if event.revision <= revision:
                items.pop(event.key, None)
                if event.value is not None:
                    items[event.key] = event.value
        return items
