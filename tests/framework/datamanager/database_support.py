"""Storages that can be told to fail, a clock that only moves when it is told to, and databases on them."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from itertools import count
from typing import Any

from ostler.clock import SystemClock
from ostler.datamanager import Datamanager, Gate, Options, Put, SystemThreads, Threads
from ostler.datamanager.arbitration import sequence
from ostler.datamanager.cache import FileCache
from ostler.datamanager.checkpointing import Checkpointer
from ostler.datamanager.log import Log
from ostler.datamanager.names import MANIFESTS, WALS
from ostler.datamanager.records import Batch, Transaction, encode_batch
from ostler.datamanager.recovery import found, newest_manifest, recover
from ostler.datamanager.sealing import digest_of
from ostler.datamanager.sequences import StorageSequence
from ostler.kv import KeyValueStore
from ostler.ost import ObjectStorage
from ostler.retry import RetryPolicy
from ostler.spi.storage import Body, Capabilities, ObjectInfo, Readable
from ostler_memory.driver import MemorySettings, MemoryStorage

PATIENCE = 20.0
TYPES = ("one", "two")

Hook = Callable[[str, str], None]


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread will certainly do."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


class StillClock:
    """Time stands still, but for sleeping and `pass_time`; ids count."""

    def __init__(self) -> None:
        self.time, self.wall, self.pauses = 1000.0, 1.7e9, list[float]()
        self._ids = count(1)

    def now(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.pass_time(seconds)

    def pass_time(self, seconds: float) -> None:
        self.time += seconds
        self.wall += seconds

    def random(self) -> float:
        return 0.5

    def new_id(self) -> str:
        return f"{next(self._ids):026}"


class Driver(MemoryStorage):
    """Objects in memory, written by the time of a clock; it tells what is done to them.

    :ivar before: called with operation and key before each of them; what it raises is what happens.
    :ivar after: the same afterwards: what was done stays so.
    :ivar durable: keys that no power loss would take.
    """

    def __init__(self, clock: StillClock | SystemClock, *, exclusive: bool = True) -> None:
        super().__init__(MemorySettings())
        self._clock = clock
        self.shown = dataclasses.replace(super().capabilities, exclusive_put=exclusive)
        self.before: Hook = nothing
        self.after: Hook = nothing
        self.calls: list[tuple[str, str]] = []
        self.durable: set[str] = set()

    @property
    def capabilities(self) -> Capabilities:
        return self.shown

    @property
    def keys(self) -> list[str]:
        return list(self._keys)

    def stat(self, key: str) -> ObjectInfo:
        self._begin("stat", key)
        info = super().stat(key)
        self.after("stat", key)
        return info

    def get(self, key: str, start: int, end: int | None) -> tuple[ObjectInfo, Body]:
        self._begin("get", key)
        found = super().get(key, start, end)
        self.after("get", key)
        return found

    def put(self, key: str, source: Readable, **options: Any) -> ObjectInfo:
        self._begin("put", key)
        info = super().put(key, source, **options)
        info = dataclasses.replace(info, modified=self._clock.now())
        self._objects[key] = info, self._objects[key][1]
        (self.durable.add if options["persist"] else self.durable.discard)(key)
        self.after("put", key)
        return info

    def persist(self, keys: Any) -> None:
        for key in keys:
            self._begin("persist", key)
        super().persist(keys)
        self.durable.update(keys)
        for key in keys:
            self.after("persist", key)

    def delete(self, key: str) -> None:
        self._begin("delete", key)
        super().delete(key)
        self.durable.discard(key)
        self.after("delete", key)

    def list(self, prefix: str, start_after: str, delimiter: str) -> Any:
        self._begin("list", prefix)
        found = list(super().list(prefix, start_after, delimiter))
        self.after("list", prefix)
        return iter(found)

    def _begin(self, operation: str, key: str) -> None:
        self.calls.append((operation, key))
        self.before(operation, key)


def nothing(operation: str, key: str) -> None:
    """Let it be done."""


def failing(operation: str, key: str, *errors: Exception) -> Hook:
    """Return a hook that raises the errors, one each time that this is done to a key that begins so."""
    remaining = list(errors)

    def hook(done: str, to: str) -> None:
        if remaining and done == operation and to.startswith(key):
            raise remaining.pop(0)

    return hook


def once(operation: str, key: str, do: Callable[[], object]) -> Hook:
    """Return a hook that does something the first time that this is done to a key that begins so."""
    left = [do]

    def hook(done: str, to: str) -> None:
        if left and done == operation and to.startswith(key):
            left.pop()()

    return hook


class World:
    """One object storage and one key-value store, and the processes that use them.

    :param kv: empty.
    :param exclusive: whether the storage creates exclusively.
    :param clock: one that stands still, unless given.
    """

    def __init__(
        self, kv: KeyValueStore, *, exclusive: bool = True, clock: SystemClock | None = None
    ) -> None:
        self.clock: Any = clock or StillClock()
        self.kv = kv
        self.driver = Driver(self.clock, exclusive=exclusive)
        self.ost = ObjectStorage(self.driver, clock=self.clock, retry=RetryPolicy(attempts=1))
        self.threads = SystemThreads(self.clock)
        self.wals = StorageSequence(self.ost, WALS)
        self.manifests = StorageSequence(self.ost, MANIFESTS)

    def database(
        self, threads: Threads | None = None, ost: ObjectStorage | None = None, **options: Any
    ) -> Datamanager:
        """Return a datamanager, not opened."""
        return Datamanager(
            ost or self.ost,
            self.kv,
            types=TYPES,
            clock=self.clock,
            options=Options(**options),
            threads=threads,
        )

    def opened(self, threads: Threads | None = None, **options: Any) -> Datamanager:
        """Return a datamanager without threads of its own."""
        database = self.database(threads, **options)
        database.open()
        return database

    def log(self, arbiter: str = "storage", **options: Any) -> Log:
        """Return a log as a process has it that begins now; the database is made if there is none."""
        wals = sequence(self.ost, self.kv, WALS, arbiter)
        manifests = sequence(self.ost, self.kv, MANIFESTS, arbiter)
        manifest = newest_manifest(manifests) or found(manifests, self.clock, arbiter)
        log = Log(
            wals,
            manifests,
            state=recover(manifest, wals, manifests, self.threads),
            lock=self.threads.lock(),
            clock=self.clock,
            options=Options(**options),
            writer=self.clock.new_id(),
            advanced=lambda: None,
        )
        log.sync()
        return log


def put(id: str, data: bytes = b"", *groups: str) -> Transaction:
    """Return a transaction of one entry."""
    return Transaction((Put("one", id, data),), groups)


def append(log: Log, *transactions: Transaction) -> int | None:
    """Commit a batch."""
    return log.append(lambda _state: transactions)


def sealed(batch: Batch) -> tuple[Batch, bytes]:
    """Return a batch as it is after it was read, and its object."""
    data = encode_batch(batch)
    return dataclasses.replace(batch, digest=digest_of(data), size=len(data)), data


def values(log: Log) -> dict[str, bytes | None]:
    """Return what was committed to the type ``one`` since the manifest."""
    return {name: data for name, (_number, data) in log.state.changes.get("one", {}).items()}


def checkpointer(world: World, log: Log, **options: Any) -> Checkpointer:
    """Return who makes checkpoints of a log, with the manifests that it has."""
    return Checkpointer(
        world.ost,
        log,
        log._manifests,
        FileCache(1 << 20),
        clock=world.clock,
        options=Options(**options),
    )


class StillThreads(SystemThreads):
    """Whoever waits for a time lets it pass on a clock that stands still: at once, if nobody else comes first."""

    def __init__(self, clock: StillClock) -> None:
        super().__init__(clock)
        self._still = clock
        self.waits: list[float | None] = []

    def gate(self) -> Gate:
        return _StillGate(super().gate(), self)

    def wait(self, gate: Gate, timeout: float | None) -> bool:
        self.waits.append(timeout)
        if timeout is None:
            return gate.wait(PATIENCE)
        opened = gate.wait(0)
        if not opened:
            self._still.pass_time(timeout)
        return opened


class _StillGate:
    def __init__(self, gate: Gate, threads: StillThreads) -> None:
        self._gate, self._threads = gate, threads

    def open(self) -> None:
        self._gate.open()

    def wait(self, timeout: float | None = None) -> bool:
        return self._threads.wait(self._gate, timeout)
