"""The posix storage against the bare system calls: prints both sides and the ratio.

``posix_storage.py [DISK [MEMORY]]``: directories on the disk (default: here)
and in memory (default: /dev/shm).
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count, islice

from posix_peers import Bare, walk_and_stat
from ratio import Ratio, compare

from ostler.clock import SystemClock
from ostler.ost import ObjectStorage
from ostler_posix.driver import PosixStorage
from ostler_posix.settings import PosixSettings

DATA = os.urandom(4096)
LARGE = 512 << 20
PIECE = os.urandom(1 << 20)
LISTED = 20_000
NEW = count()


def main(disk: str = ".", memory: str = "/dev/shm") -> int:
    with scratch(memory) as base:
        ratios = [*small_objects(base), *threads(base, "tmpfs", persist=False)]
    with scratch(disk) as base:
        ratios += [*durable_objects(base), *threads(base, "disk", persist=True)]
        ratios += [large_object(base)]
    for where in (memory, disk):
        with scratch(where) as base:
            ratios += listings(base, where)
    return int(not all(ratio.met for ratio in ratios))


def small_objects(base: str) -> list[Ratio]:
    storage, bare = storage_at(f"{base}/ours"), Bare(f"{base}/peer/k")
    names = [str(number) for number in range(100)]

    def put_new() -> None:
        for _each in names:
            storage.put(f"k/{next(NEW)}", DATA, persist=False)

    def put_again() -> None:
        for name in names:
            storage.put(f"k/{name}", DATA, persist=False)

    def put_exclusively() -> None:
        for _each in names:
            storage.put(f"k/{next(NEW)}", DATA, persist=False, if_absent=True)

    def read() -> None:
        for name in names:
            storage.read(f"k/{name}")

    def bare_new() -> None:
        for _each in names:
            bare.put(str(next(NEW)), DATA)

    def bare_again() -> None:
        for name in names:
            bare.put(name, DATA)

    def bare_nameless() -> None:
        for _each in names:
            bare.put_nameless(str(next(NEW)), DATA)

    def bare_read() -> None:
        for name in names:
            bare.read(name)

    put_again(), bare_again()
    return [
        compare("100 puts of 4 KiB, new, tmpfs", put_new, bare_new, rounds=41, goal=1.5),
        compare("100 puts of 4 KiB, again, tmpfs", put_again, bare_again, rounds=41, goal=1.5),
        compare(
            "100 puts of 4 KiB, exclusive, tmpfs",
            put_exclusively,
            bare_nameless,
            rounds=41,
            goal=1.5,
        ),
        compare("100 gets of 4 KiB, tmpfs", read, bare_read, rounds=41, goal=1.5),
    ]


def durable_objects(base: str) -> list[Ratio]:
    storage, bare = storage_at(f"{base}/ours"), Bare(f"{base}/peer/k")

    def put() -> None:
        for _each in range(20):
            storage.put(f"k/{next(NEW)}", DATA)

    def bare_put() -> None:
        for _each in range(20):
            bare.put_durably(str(next(NEW)), DATA)

    return [compare("20 durable puts of 4 KiB, disk", put, bare_put, rounds=15, goal=1.3)]


def threads(base: str, where: str, *, persist: bool) -> list[Ratio]:
    """Ours from 16 threads, against the three places where a temporary file can be."""
    storage = storage_at(f"{base}/many")
    beside = [Bare(f"{base}/beside/{one}") for one in range(16)]
    shared = [Bare(f"{base}/shared/{one}", f"{base}/shared/tmp") for one in range(16)]
    rounds, share = (7, 10) if persist else (15, 30)

    def ours() -> None:
        at_once(lambda one, name: storage.put(f"{one}/{name}", DATA, persist=persist), share)

    def into(peers: list[Bare]) -> Callable[[], None]:
        def put(one: int, name: str) -> object:
            peer = peers[one]
            return peer.put_durably(name, DATA) if persist else peer.put(name, DATA)

        return lambda: at_once(put, share)

    def nameless() -> None:
        at_once(lambda one, name: beside[one].put_nameless(name, DATA), share)

    what = f"{16 * share} puts from 16 threads, {where}, against"
    goal = 1.3 if persist else 1.5
    found = [
        compare(f"{what} the target's directory", ours, into(beside), rounds=rounds, goal=goal),
        compare(f"{what} one shared directory", ours, into(shared), rounds=rounds, goal=goal),
    ]
    if not persist:
        found += [compare(f"{what} O_TMPFILE and linkat", ours, nameless, rounds=rounds, goal=goal)]
    return found


def large_object(base: str) -> Ratio:
    storage = storage_at(f"{base}/ours")

    def ours() -> float:
        began = time.perf_counter()
        storage.put("large", Pieces(), size=LARGE)
        took = time.perf_counter() - began
        storage.delete("large")
        return LARGE / took / 1e6

    def plain() -> float:
        began = time.perf_counter()
        with open(f"{base}/plain", "wb", buffering=0) as file:
            source = Pieces()
            while piece := source.read(1 << 20):
                file.write(piece)
            os.fdatasync(file.fileno())
        took = time.perf_counter() - began
        os.unlink(f"{base}/plain")
        return LARGE / took / 1e6

    name = "512 MiB durable, MB/s, against write and fdatasync"
    return compare(name, ours, plain, rounds=5, goal=1.3, better="higher")


def listings(base: str, where: str) -> list[Ratio]:
    storage = storage_at(base)
    for number in range(LISTED):
        storage.put(f"many/{number // 100:03}/{number:05}", b"x", persist=False)
        storage.put(f"one/{number:05}", b"x", persist=False)

    def listed(prefix: str) -> Callable[[], None]:
        def run() -> None:
            assert sum(1 for _info in storage.list(prefix)) == LISTED

        return run

    def walked(prefix: str) -> Callable[[], None]:
        def run() -> None:
            assert walk_and_stat(f"{base}/{prefix}") == LISTED

        return run

    def first(prefix: str) -> Callable[[], None]:
        def run() -> None:
            assert sum(1 for _info in islice(storage.list(prefix), 100)) == 100

        return run

    def read() -> None:
        assert len(os.listdir(f"{base}/one")) == LISTED

    what = f"{LISTED} keys, {where}, against os.walk and stat"
    return [
        compare(f"{what}, 200 directories", listed("many/"), walked("many"), rounds=9, goal=1.2),
        compare(f"{what}, one directory", listed("one/"), walked("one"), rounds=9, goal=1.2),
        compare(
            "the first 100 of them, 200 directories, against 1 ms",
            first("many/"),
            _1_ms,
            rounds=15,
            goal=1,
        ),
        # A directory is read whole before its least name is known.
        compare(
            "the first 100 of them, one directory, against os.listdir",
            first("one/"),
            read,
            rounds=9,
            goal=2.5,
        ),
    ]


def _1_ms() -> float:
    return 1e-3


class Pieces:
    """512 MiB, a piece at a time."""

    def __init__(self) -> None:
        self.left = LARGE

    def read(self, size: int = -1, /) -> bytes:
        piece = PIECE[: min(size, self.left)]
        self.left -= len(piece)
        return piece


def at_once(put: Callable[[int, str], object], share: int) -> None:
    def work(one: int) -> None:
        for _each in range(share):
            put(one, str(next(NEW)))

    started = [threading.Thread(target=work, args=(one,)) for one in range(16)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()


def storage_at(path: str) -> ObjectStorage:
    return ObjectStorage(PosixStorage(PosixSettings(path=path)), clock=SystemClock())


@contextmanager
def scratch(where: str) -> Iterator[str]:
    base = tempfile.mkdtemp(dir=where, prefix="ostler-bench-")
    try:
        yield base
    finally:
        shutil.rmtree(base)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
