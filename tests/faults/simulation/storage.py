"""The storage driver of one simulated process: every way in which a request may go wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from ostler.errors import Conflict, NotFound, Unavailable, Unknown
from ostler.spi.storage import (
    Body,
    Capabilities,
    CommonPrefix,
    ObjectInfo,
    Readable,
    StorageDriver,
    grouped,
)

from .objects import Objects, Stored
from .scheduler import Dead

if TYPE_CHECKING:
    from .process import Process
    from .world import World

__all__ = ["SimulatedStorage"]

_PAGE = 4


class SimulatedStorage(StorageDriver):
    """A connection of ``process`` to the storage.

    On a *remote* storage what is visible is durable, and requests may be
    delivered late or twice. On a *local* one (a file system) nothing comes
    late, but what is visible may vanish at power loss until its put, or a
    `persist`, has returned.
    """

    def __init__(self, world: World, process: Process, objects: Objects) -> None:
        self._world, self._process, self._objects = world, process, objects
        self._chance = world.chance
        self._fault = world.chance.fault
        self._remote = world.profile.remote
        self._capabilities = Capabilities(
            exclusive_put=world.profile.exclusive,
            ordered_list=world.profile.ordered,
        )

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def stat(self, key: str) -> ObjectInfo:
        self._begin("stat", key)
        self._fail("get.fail", key)
        info = self._stored(key).info(key)
        self._step()
        return info

    def get(self, key: str, start: int, end: int | None) -> tuple[ObjectInfo, Body]:
        self._begin("get", key)
        self._fail("get.fail", key)
        stored = self._stored(key)
        self._step()
        return stored.info(key), _SimulatedBody(self, key, stored.data[start:end])

    def put(
        self, key: str, source: Readable, *, size: int | None, persist: bool, if_absent: bool
    ) -> ObjectInfo:
        data = _all_of(source)
        exclusive = if_absent and self._capabilities.exclusive_put
        self._begin("put", key, f"{len(data)} bytes{', exclusive' if exclusive else ''}")
        self._fail("put.fail", key)
        deliver = partial(self._deliver, key, data, exclusive)
        if self._fault("put.never"):
            raise self._timed_out(key)
        if self._remote and self._fault("put.late"):
            raise self._postponed(key, deliver)
        try:
            stored = self._objects.put(key, data, if_absent=exclusive, durable=self._remote)
        except Conflict:
            if self._remote and self._fault("put.ghost"):
                self._world.deliver_later(deliver, f"once more, though it lost: put {key}")
            raise
        if self._remote and self._fault("put.twice"):
            self._world.deliver_later(deliver, f"a second time: put {key}")
        if exclusive and self._fault("put.echo"):
            self._step()
            raise Conflict(f"{key!r} exists already", code="exists")
        self._step()
        if self._fault("put.unknown"):
            raise self._timed_out(key)
        if persist:
            if not self._remote and self._fault("put.crash"):
                # The worst moment of all: everybody sees it, and it is not durable.
                self._world.crash(self._process)
                self._world.scheduler.leave()
            self._objects.sync(key, stored)
            self._step()
        return stored.info(key)

    def persist(self, keys: Sequence[str]) -> None:
        self._begin("persist", keys[0], f"and {len(keys) - 1} others")
        self._fail("put.fail", keys[0])
        for key in keys:
            self._stored(key)
        for key in keys:
            self._stored(key).durable = True
            self._step()

    def delete(self, key: str) -> None:
        self._begin("delete", key)
        self._fail("delete.fail", key)
        if self._remote and self._fault("delete.late"):
            raise self._postponed(key, partial(self._objects.delete, key))
        self._objects.delete(key)
        self._step()
        if self._fault("delete.unknown"):
            raise self._timed_out(key)

    def list(
        self, prefix: str, start_after: str, delimiter: str
    ) -> Iterator[ObjectInfo | CommonPrefix]:
        self._begin("list", prefix or "all", f"after {start_after}" if start_after else "")
        self._fail("list.fail", prefix)
        listed = self._listed(prefix, start_after)
        if delimiter:
            return grouped(listed, prefix, start_after, delimiter)
        return listed

    def close(self) -> None:
        """Nothing is held."""

    def _listed(self, prefix: str, start_after: str) -> Iterator[ObjectInfo]:
        present, ordered = self._objects.present, self._capabilities.ordered_list
        keys = self._objects.after(prefix, start_after)
        if not ordered:
            self._chance.rng.shuffle(keys)
            yield from (present[key].info(key) for key in keys)
            return
        while keys:
            yield from [present[key].info(key) for key in keys[:_PAGE]]
            if len(keys) <= _PAGE:
                return
            self._step()
            self._fail("list.cut", prefix)
            keys = self._objects.after(prefix, keys[_PAGE - 1])

    def _begin(self, what: str, key: str, more: str = "") -> None:
        if not self._process.alive:
            raise Dead
        if self._world.trace is not None:
            self._world.note(f"{what} {key} {more}")
        if "wal/" in key and self._fault("freeze.wal"):
            self._world.freeze(self._process)
        self._world.scheduler.step()

    def _step(self) -> None:
        self._world.scheduler.step()

    def _fail(self, kind: str, key: str) -> None:
        if self._fault(kind):
            self._world.note(f"  fails: {kind}")
            raise Unavailable(f"the storage does not answer ({kind} of {key!r})")

    def _timed_out(self, key: str) -> Unavailable:
        """Return the error of a request of which nobody knows whether it arrived."""
        self._world.note("  times out")
        self._world.scheduler.sleep(self._chance.random())
        message = f"no answer about {key!r}: it may or may not have been done"
        return (Unavailable if self._world.profile.vague else Unknown)(message)

    def _postponed(self, key: str, deliver: partial[None]) -> Unavailable:
        self._world.deliver_later(deliver, f"late: {key}")
        return self._timed_out(key)

    def _deliver(self, key: str, data: bytes, exclusive: bool) -> None:
        with suppress(Conflict):  # nobody waits for the answer any more
            self._objects.put(key, data, if_absent=exclusive, durable=True)

    def _stored(self, key: str) -> Stored:
        stored = self._objects.present.get(key)
        if stored is None:
            raise NotFound(f"there is no object {key!r}")
        return stored


class _SimulatedBody(Body):
    """The bytes of one version; may break off."""

    def __init__(self, storage: SimulatedStorage, key: str, data: bytes) -> None:
        self._storage, self._key = storage, key
        self._data, self._at = data, 0

    def read(self, size: int = -1, /) -> bytes:
        if self._at == 0:
            self._storage._step()
        self._storage._fail("body.fail", self._key)
        end = len(self._data) if size < 0 else self._at + size
        piece = self._data[self._at : end]
        self._at += len(piece)
        return piece

    def close(self) -> None:
        """Nothing is held."""


def _all_of(source: Readable) -> bytes:
    pieces = []
    while piece := source.read(1 << 20):
        pieces.append(piece)
    return b"".join(pieces)
