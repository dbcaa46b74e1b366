"""The key-value driver of one simulated process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from ostler.errors import Unavailable, Unknown
from ostler.spi import (
    Compare,
    Event,
    KeyValue,
    KvCapabilities,
    KvDriver,
    Lease,
    Operation,
    Page,
    TxnResult,
    Watch,
)

from .scheduler import Dead
from .store import Store

if TYPE_CHECKING:
    from .process import Process
    from .world import World

__all__ = ["SimulatedKv"]

T = TypeVar("T")


class SimulatedKv(KvDriver):
    """A connection of ``process`` to the store."""

    def __init__(self, world: World, process: Process, store: Store) -> None:
        self._world, self._process, self.store = world, process, store
        self._fault = world.chance.fault
        self._capabilities = KvCapabilities()

    @property
    def capabilities(self) -> KvCapabilities:
        return self._capabilities

    def get(self, key: str) -> KeyValue | None:
        return self._read("get", key, partial(self.store.get, key))

    def list(self, prefix: str, *, start_after: str, limit: int, revision: int) -> Page:
        call = partial(self.store.list, prefix, start_after, limit, revision)
        return self._read("list", prefix, call)

    def txn(
        self,
        compares: Sequence[Compare],
        then: Sequence[Operation],
        otherwise: Sequence[Operation],
    ) -> TxnResult:
        what = ", ".join(f"{type(each).__name__.lower()} {each.key}" for each in then)
        self._begin("txn", what)
        call = partial(self.store.txn, compares, then, otherwise)
        if self._fault("kv.never"):
            raise self._unknown()
        if self._fault("kv.late"):
            self._world.deliver_later(call, f"late: kv txn {what}")
            raise self._unknown()
        result = call()
        self.step()
        if self._fault("kv.unknown"):
            raise self._unknown()
        return result

    def watch(self, prefix: str, revision: int) -> Watch:
        self._begin("watch", prefix)
        return _SimulatedWatch(self, prefix, revision or self.store.revision + 1)

    def compact(self, revision: int) -> None:
        self._read("compact", str(revision), partial(self.store.compact, revision))

    def grant(self, ttl: float) -> Lease:
        return Lease(self._read("grant", "", self.store.grant), ttl)

    def keep_alive(self, lease_id: int) -> None:
        self._begin("keep alive", str(lease_id))

    def revoke(self, lease_id: int) -> None:
        self._begin("revoke", str(lease_id))

    def close(self) -> None:
        """Nothing is held."""

    def wait(self, timeout: float | None) -> None:
        """Wait for any change of the store, at most so long."""
        if not self._process.alive:
            raise Dead
        self._world.scheduler.wait(self.store.waiting, timeout)

    def now(self) -> float:
        """Return the virtual time."""
        return self._world.scheduler.now

    def step(self) -> None:
        """Give way to others."""
        self._world.scheduler.step()

    def check(self) -> None:
        """Take a step, after which the store may be out of reach.

        :raises Unavailable: it is.
        """
        self._begin("", "")

    def _read(self, what: str, key: str, call: Callable[[], T]) -> T:
        self._begin(what, key)
        result = call()
        self.step()
        return result

    def _begin(self, what: str, key: str) -> None:
        if not self._process.alive:
            raise Dead
        if what and self._world.trace is not None:
            self._world.note(f"kv {what} {key}")
        self.step()
        if self.store.down_until > self._world.scheduler.now and not self._world.chance.quiet:
            raise Unavailable("the key-value store is out of reach")
        if self._fault("kv.fail"):
            self._world.note("  fails: kv.fail")
            raise Unavailable("the key-value store does not answer")

    def _unknown(self) -> Unknown:
        self._world.note("  times out")
        self._world.scheduler.sleep(self._world.chance.random())
        return Unknown("no answer: the transaction may or may not have been done")


class _SimulatedWatch(Watch):
    """A watch; one that was open when the store was emptied hears nothing of what was lost."""

    def __init__(self, kv: SimulatedKv, prefix: str, revision: int) -> None:
        self._kv, self._prefix, self._next = kv, prefix, revision
        self._generation = kv.store.generation
        self._closed = False

    def next(self, timeout: float | None = None) -> tuple[Event, ...]:
        deadline = None if timeout is None else self._kv.now() + timeout
        while not self._closed:
            self._kv.check()
            if self._generation != self._kv.store.generation:
                self._generation = self._kv.store.generation
                raise Unavailable("the connection of the watch was lost")
            if found := self._kv.store.since(self._prefix, self._next):
                last = (
                    found[0].revision
                    if self._kv._world.chance.random() < 0.5
                    else found[-1].revision
                )
                self._next = last + 1
                return tuple(each for each in found if each.revision <= last)
            left = None if deadline is None else deadline - self._kv.now()
            if left is not None and left <= 0:
                break
            self._kv.wait(left)
        return ()

    def close(self) -> None:
        self._closed = True
        self._kv._world.scheduler.wake(self._kv.store.waiting)
