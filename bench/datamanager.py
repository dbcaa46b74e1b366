"""The datamanager: commits, reads, checkpoints, starts, space, each beside its peer or its goal.

``datamanager.py [WHAT …] [--disk DIRECTORY] [--etcd HOST:PORT]``; WHAT is one of
``commit slow slatedb checkpoint read start``, default all. Entries of 1 KiB that do not
compress, everything durable; on sqlite, or on an etcd that is there already.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import os
import random
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from datamanager_files import reported, scratch
from ratio import compare

from ostler.clock import SystemClock
from ostler.datamanager import Datamanager, Options, Put
from ostler.kv import KeyValueStore
from ostler.ost import ObjectStorage
from ostler.spi.storage import ObjectInfo, Readable
from ostler_posix.driver import PosixStorage
from ostler_posix.settings import PosixSettings
from ostler_sqlite.driver import open_driver
from ostler_sqlite.settings import SqliteSettings

VALUE = 1024
DICE = random.Random(7)
VALUES = [DICE.randbytes(VALUE) for _each in range(2000)]
CLOCK = SystemClock()
NUMBERS = count()
NEVER = 1 << 40
SLOW = 0.02


class SlowStorage(PosixStorage):
    """A storage whose every put takes 20 ms more, as one across a network would."""

    def put(
        self, key: str, source: Readable, *, size: int | None, persist: bool, if_absent: bool
    ) -> ObjectInfo:
        time.sleep(SLOW)
        return super().put(key, source, size=size, persist=persist, if_absent=if_absent)


class Bench:
    """A scratch directory, a key-value store, and datamanagers in it.

    :param kv: URL of an etcd server, or empty for sqlite.
    """

    def __init__(self, base: str, kv: str) -> None:
        self.base, self._url = base, kv
        self._closers: list[Callable[[], None]] = []

    def kv(self, name: str) -> KeyValueStore:
        if self._url:
            from ostler_etcd.driver import open_driver as open_etcd
            from ostler_etcd.settings import EtcdSettings

            driver: Any = open_etcd(EtcdSettings(endpoints=[self._url]))
        else:
            driver = open_driver(SqliteSettings(path=f"{self.base}/{name}.db"))
        store = KeyValueStore(driver, clock=CLOCK, prefix=f"{name}/")
        self._closers.append(store.close)
        return store

    def storage(self, name: str, driver: type[PosixStorage] = PosixStorage) -> ObjectStorage:
        storage = ObjectStorage(driver(PosixSettings(path=f"{self.base}/{name}")), clock=CLOCK)
        self._closers.append(storage.close)
        return storage

    def datamanager(
        self, name: str, driver: type[PosixStorage] = PosixStorage, **options: Any
    ) -> Datamanager:
        return Datamanager(
            self.storage(name, driver),
            self.kv(name),
            types=["entry"],
            clock=CLOCK,
            options=Options(**options),
        )

    def close(self) -> None:
        for close in reversed(self._closers):
            close()


def commit_one(dm: Datamanager) -> None:
    number = next(NUMBERS)
    dm.commit([Put("entry", f"e{number:09}", VALUES[number % len(VALUES)])])


def rate(threads: int, total: int, work: Callable[[int], None]) -> float:
    """Return calls per second of so many threads; ``work`` gets the thread's number."""
    share = total // threads

    def run(number: int) -> None:
        for _turn in range(share):
            work(number)

    started = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    began = time.perf_counter()
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    return share * threads / (time.perf_counter() - began)


def median_ms(call: Callable[[], object], times: int) -> float:
    """Return the median time of a call in milliseconds."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        took.append(time.perf_counter() - began)
    return statistics.median(took) * 1e3


def at_least(name: str, value: float, unit: str, goal: float) -> bool:
    met = value >= goal
    verdict = "ok" if met else "MISSED"
    print(f"{name}: {value:,.0f} {unit} (goal >= {goal:,.0f}) {verdict}", flush=True)
    return met


def bench_commit(bench: Bench, kv: str) -> None:
    storage, store = bench.storage("by-hand"), bench.kv("by-hand")

    def by_hand() -> None:
        number = next(NUMBERS)
        data = VALUES[number % len(VALUES)] + bytes(100)
        storage.put(f"object/{number:020}", data, if_absent=True)
        store.put("head", str(number).encode())

    with bench.datamanager("commit", checkpoint_commits=500, grace=10) as dm:
        for _ in range(1500):
            commit_one(dm)
        compare(
            "commit, 1 writer, against an object write and a transaction by hand",
            lambda: median_ms(lambda: commit_one(dm), 300) / 1e3,
            lambda: median_ms(by_hand, 300) / 1e3,
            rounds=7,
            goal=1.3,
        )
        limit = 1.5 if kv == "sqlite" else 2
        reported(f"commit, 1 writer, {kv}", median_ms(lambda: commit_one(dm), 2000), "ms", limit)
        for writers, goal in ((16, 8000 if kv == "sqlite" else 5000), (64, 25_000)):
            bench_writers(dm, writers, goal)


def bench_writers(dm: Datamanager, writers: int, goal: float) -> None:
    """Writers in change groups of their own: no conflict."""

    def work(writer: int) -> None:
        number = next(NUMBERS)
        token = dm.token([f"group-{writer}"], fresh=False)
        dm.commit([Put("entry", f"w{number:09}", VALUES[number % len(VALUES)])], token=token)

    total = 32_000
    rates, objects = [], []
    for _ in range(5):
        before = dm.sync()
        rates.append(rate(writers, total, work))
        objects.append((dm.sync() - before) / total)
    at_least(f"commits, {writers} writers, median of 5", statistics.median(rates), "/s", goal)
    reported(f"object writes per commit, {writers} writers", statistics.median(objects), "", 0.1)


def bench_slow(bench: Bench, _kv: str) -> None:
    with bench.datamanager("slow", SlowStorage, checkpoint_commits=NEVER) as dm:
        alone = [median_ms(lambda: commit_one(dm), 25) for _ in range(3)]
        puts = statistics.median(alone) / (SLOW * 1e3)
        reported("a storage with 20 ms per put: median commit, in puts", puts, "", 1.2)
        one = statistics.median(rate(1, 40, lambda _each: commit_one(dm)) for _ in range(3))
        many = statistics.median(rate(16, 1600, lambda _each: commit_one(dm)) for _ in range(3))
        at_least("a storage with 20 ms per put: 16 writers, in writers alone", many / one, "x", 14)


def bench_slatedb(bench: Bench, _kv: str) -> None:
    if importlib.util.find_spec("slatedb") is None:
        print("slatedb is not installed: no comparison")
        return
    loop = asyncio.new_event_loop()
    try:
        with bench.datamanager("ours", checkpoint_commits=NEVER) as dm, slatedb(bench, loop) as put:
            compare(
                "commits, 16 writers, against SlateDB at a flush interval of 1 ms",
                lambda: rate(16, 4000, lambda _each: commit_one(dm)),
                lambda: loop.run_until_complete(slate_rate(put, 4000)),
                rounds=5,
                goal=1.5,
                better="higher",
            )
    finally:
        loop.close()


@contextmanager
def slatedb(bench: Bench, loop: asyncio.AbstractEventLoop) -> Iterator[Any]:
    from slatedb import uniffi as slate

    os.mkdir(f"{bench.base}/slate")
    settings = slate.Settings.default()
    settings.set("flush_interval", '"1ms"')
    path = os.path.abspath(f"{bench.base}/slate").lstrip("/")
    builder = slate.DbBuilder(path, slate.ObjectStore.resolve("file:///"))
    builder.with_settings(settings)
    db = loop.run_until_complete(builder.build())
    try:
        yield db.put
    finally:
        loop.run_until_complete(db.shutdown())


async def slate_rate(put: Any, total: int) -> float:
    async def work() -> None:
        for _turn in range(total // 16):
            number = next(NUMBERS)
            await put(f"e{number:09}".encode(), VALUES[number % len(VALUES)])

    began = time.perf_counter()
    await asyncio.gather(*(work() for _writer in range(16)))
    return total / (time.perf_counter() - began)


def fill(dm: Datamanager, entries: int) -> None:
    for start in range(0, entries, 1000):
        numbers = range(start, min(start + 1000, entries))
        dm.commit([Put("entry", f"e{number:09}", os.urandom(VALUE)) for number in numbers])


def update(dm: Datamanager, entries: int, updates: int) -> None:
    numbers = {DICE.randrange(entries) for _each in range(updates)}
    dm.commit([Put("entry", f"e{number:09}", os.urandom(VALUE)) for number in numbers])


def bench_checkpoint(bench: Bench, _kv: str) -> None:
    entries = 100_000
    dm = bench.datamanager(
        "checkpoint",
        checkpoint_commits=NEVER,
        checkpoint_bytes=NEVER,
        grace=0,
        keep_manifests=1,
    )
    dm.open()
    fill(dm, entries)
    dm.checkpoint()
    took, written, most = [], 0, 0.0
    for _round in range(96):
        update(dm, entries, 1000)
        began = time.perf_counter()
        report = dm.checkpoint()
        took.append(time.perf_counter() - began)
        written += report.written
        dm.collect()
        most = max(most, stored(f"{bench.base}/checkpoint"))
    reported(
        "checkpoint of 1,000 updates of 100,000 entries, mean",
        statistics.mean(took) * 1e3,
        "ms",
        50,
    )
    reported("the same, worst of 96", max(took) * 1e3, "ms", 1000)
    reported("the same, bytes written per byte changed", written / (96 * 1000 * VALUE), "", 5)
    reported("storage over live data, at most", most / (entries * VALUE), "", 1.5)
    dm.close()


def stored(path: str) -> int:
    """Return the bytes of all files below a directory."""
    return sum(
        os.path.getsize(os.path.join(folder, name))
        for folder, _folders, names in os.walk(path)
        for name in names
    )


def bench_read(bench: Bench, _kv: str) -> None:
    entries = 100_000
    dm = bench.datamanager("read", checkpoint_commits=NEVER, checkpoint_bytes=NEVER)
    dm.open()
    fill(dm, entries)
    dm.checkpoint()
    dm.close()
    dm.open()
    wanted = DICE.sample(range(entries), 2000)
    for fresh, goals in ((False, (100, 10)), (True, (100, 100))):
        scope = "seen by every process" if fresh else "as this process knows it"
        ids = [f"e{number:09}" for number in wanted[: 1000 if fresh else 2000]]
        took = []
        for name in ids:
            began = time.perf_counter()
            assert dm.get("entry", name, fresh=fresh)
            took.append(time.perf_counter() - began)
        again = []
        for name in ids[-200:] * 5:
            began = time.perf_counter()
            dm.get("entry", name, fresh=fresh)
            again.append(time.perf_counter() - began)
        if not fresh:
            reported(f"point read, cold, {scope}", statistics.median(took) * 1e6, "us", goals[0])
        reported(f"point read, cached, {scope}", statistics.median(again) * 1e6, "us", goals[1])
    dm.close()


def bench_start(bench: Bench, _kv: str) -> None:
    for name, writers in (("16 writers", 16), ("1 writer", 1)):
        dm = bench.datamanager(f"start-{writers}", checkpoint_commits=NEVER, checkpoint_bytes=NEVER)
        dm.open()
        fill(dm, 100_000)
        dm.checkpoint()
        rate(writers, 10_000, lambda _each, dm=dm: commit_one(dm))
        dm.close()
        took = []
        for _ in range(5):
            began = time.perf_counter()
            dm.open()
            took.append(time.perf_counter() - began)
            status = dm.status()
            dm.close()
        objects = status.commit - status.checkpoint
        reported(
            f"start, 100,000 entries and 10,000 commits of {name} after the checkpoint "
            f"({objects:,} objects)",
            statistics.median(took),
            "s",
            0.3,
        )


BENCHES: dict[str, Callable[[Bench, str], None]] = {
    "commit": bench_commit,
    "slow": bench_slow,
    "slatedb": bench_slatedb,
    "checkpoint": bench_checkpoint,
    "read": bench_read,
    "start": bench_start,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", metavar="WHAT", help=", ".join(BENCHES))
    parser.add_argument("--disk", default=".")
    parser.add_argument("--etcd", default="", metavar="HOST:PORT", help="instead of sqlite")
    arguments = parser.parse_args()
    for name in arguments.what or BENCHES:
        with scratch(arguments.disk) as base:
            bench = Bench(base, arguments.etcd)
            try:
                BENCHES[name](bench, "etcd" if arguments.etcd else "sqlite")
            finally:
                bench.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
