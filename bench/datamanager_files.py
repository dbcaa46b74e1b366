"""Data files and compaction of the datamanager: prints medians and ratios beside their goals.

``datamanager_files.py [DISK]``: a directory on the disk (default: here).
"""

from __future__ import annotations

import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

from ratio import Ratio, compare

from ostler.clock import SystemClock
from ostler.datamanager.compaction import CompactionOptions, TypeFiles, compact, look_up, scan
from ostler.datamanager.files import FileCache, FileInfo, FileReader
from ostler.ost import ObjectStorage
from ostler_posix.driver import PosixStorage
from ostler_posix.settings import PosixSettings

ENTRIES, UPDATES, CHECKPOINTS, VALUE = 100_000, 1000, 96, 1024
NO_CACHE, CACHE = 0, 64 << 20
DICE = random.Random(7)
NEW = count()

Values = Callable[[], bytes]


def main(disk: str = ".") -> int:
    ratios: list[Ratio] = []
    for name, value, goal in (
        ("incompressible", lambda: DICE.randbytes(VALUE), 5),
        ("compressible", _text, 1),
    ):
        with scratch(disk) as base:
            ratios += checkpoints(base, name, value, goal)
    with scratch(disk) as base:
        ratios += point_reads(base)
    return int(not all(ratio.met for ratio in ratios))


def checkpoints(base: str, name: str, value: Values, goal: float) -> list[Ratio]:
    storage, cache = storage_at(base), FileCache(CACHE)
    model = {f"entry-{number:08}": value() for number in range(ENTRIES)}
    files, took = checkpoint(storage, cache, TypeFiles(), model)
    print(f"{name}: first checkpoint of {ENTRIES} entries {took * 1e3:.0f} ms", flush=True)
    times: list[float] = []
    written, most = 0, 0.0
    for _round in range(CHECKPOINTS):
        changes = {f"entry-{DICE.randrange(ENTRIES):08}": value() for _each in range(UPDATES)}
        model |= changes
        before = set(files)
        files, took = checkpoint(storage, cache, files, changes)
        times.append(took)
        written += sum(info.size for info in set(files) - before)
        most = max(most, sum(info.size for info in files))
    assert dict(scan(files, lambda info: FileReader(storage, info, cache))) == model
    changed = CHECKPOINTS * UPDATES * VALUE
    what = f"{name}: {CHECKPOINTS} checkpoints of {UPDATES} updates of {ENTRIES}"
    print(f"{what}: median {statistics.median(times) * 1e3:.1f} ms", flush=True)
    return [
        show(f"{what}, mean, against 50 ms", statistics.mean(times), 50e-3),
        show(f"{what}, worst, against 1 s", max(times), 1.0),
        show(f"{what}, bytes written (s: MB), against bytes changed", written, changed, goal),
        show(f"{what}, storage at most, against values", most, ENTRIES * VALUE, 1.5),
    ]


def checkpoint(
    storage: ObjectStorage, cache: FileCache, files: TypeFiles, changes: dict[str, bytes]
) -> tuple[TypeFiles, float]:
    entries = sorted(changes.items())
    began = time.perf_counter()
    after = compact(
        storage,
        "entry",
        files,
        entries,
        options=CompactionOptions(),
        cache=cache,
        new_id=lambda: f"{next(NEW):012}",
    )
    took = time.perf_counter() - began
    named = {info.key for info in after}
    storage.delete_many(info.key for info in files if info.key not in named)
    return after, took


def point_reads(base: str) -> list[Ratio]:
    """Partitions and seven runs, against `os.pread` of as many bytes from one file."""
    storage = storage_at(base)
    cold, indexes, warm = FileCache(NO_CACHE), FileCache(CACHE), FileCache(4 * CACHE)
    data = {f"entry-{number:08}": DICE.randbytes(VALUE) for number in range(ENTRIES)}
    files, _took = checkpoint(storage, warm, TypeFiles(), data)
    for _run in range(7):
        changes = {key: DICE.randbytes(VALUE) for key in DICE.sample(sorted(data), UPDATES)}
        files, _took = checkpoint(storage, warm, files, changes)
    path = f"{base}/plain"
    with open(path, "wb") as file:
        file.writelines(data.values())
    plain = os.open(path, os.O_RDONLY)
    wanted = DICE.sample(sorted(data), 100)

    def read(cache: FileCache, layout: TypeFiles, drop: bool = False) -> Callable[[], float]:
        def open_file(info: FileInfo) -> FileReader:
            return FileReader(storage, info, cache)

        def run() -> float:
            if drop:
                forget_blocks(cache)
            began = time.perf_counter()
            for key in wanted:
                assert look_up(layout, key, open_file) is not None
            return (time.perf_counter() - began) / len(wanted)

        return run

    def pread() -> float:
        began = time.perf_counter()
        for key in wanted:
            os.pread(plain, VALUE, int(key[-8:]) * VALUE)
        return (time.perf_counter() - began) / len(wanted)

    def goal(seconds: float) -> Callable[[], float]:
        return lambda: seconds

    partitions = TypeFiles((), files.partitions)
    what = "point read"
    found = [
        compare(
            f"{what}, partitions, nothing cached, against 100 us",
            read(cold, partitions),
            goal(1e-4),
            rounds=21,
            goal=1,
        ),
        compare(
            f"{what}, partitions, index cached, against 100 us",
            read(indexes, partitions, True),
            goal(1e-4),
            rounds=21,
            goal=1,
        ),
        compare(
            f"{what}, partitions, cached, against 10 us",
            read(warm, partitions),
            goal(1e-5),
            rounds=21,
            goal=1,
        ),
        compare(
            f"{what}, 7 runs in front, nothing cached, against 1 ms",
            read(cold, files),
            goal(1e-3),
            rounds=21,
            goal=1,
        ),
        compare(
            f"{what}, 7 runs in front, index cached, against 100 us",
            read(indexes, files, True),
            goal(1e-4),
            rounds=21,
            goal=1,
        ),
        compare(
            f"{what}, 7 runs in front, cached, against 10 us",
            read(warm, files),
            goal(1e-5),
            rounds=21,
            goal=1,
        ),
        compare(
            f"{what}, partitions, index cached, against os.pread",
            read(indexes, partitions, True),
            pread,
            rounds=21,
            goal=40,
        ),
        compare(
            f"{what}, partitions, cached, against os.pread",
            read(warm, partitions),
            pread,
            rounds=21,
            goal=10,
        ),
    ]
    os.close(plain)
    return found


def forget_blocks(cache: FileCache) -> None:
    """Leave the indexes in it."""
    for key, number in [each for each in cache._kept if each[1] >= 0]:
        _value, size = cache._kept.pop((key, number))
        cache._size -= size


def show(name: str, ours: float, peer: float, goal: float = 1.0) -> Ratio:
    ratio = Ratio(name=name, ours=ours, peer=peer, goal=goal)
    print(ratio, flush=True)
    return ratio


def _text() -> bytes:
    words = (f'{{"task": {DICE.randrange(1000)}, "state": "succeeded"}}, ' for _each in range(30))
    return "".join(words).encode()[:VALUE]


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
