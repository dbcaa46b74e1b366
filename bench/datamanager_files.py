"""Data files and compaction of the datamanager: prints medians and met beside their goals.

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
    met: list[bool] = []
    for name, value, goal in (
        ("incompressible", lambda: DICE.randbytes(VALUE), 5),
        ("compressible", _text, 1),
    ):
        with scratch(disk) as base:
            met += checkpoints(base, name, value, goal)
    with scratch(disk) as base:
        met += point_reads(base)
    return int(not all(met))


def checkpoints(base: str, name: str, value: Values, goal: float) -> list[bool]:
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
    print(f"{name}: {CHECKPOINTS} checkpoints of {UPDATES} updates of {ENTRIES} entries")
    return [
        reported(f"{name}: median checkpoint", statistics.median(times) * 1e3, "ms", 50),
        reported(f"{name}: mean checkpoint", statistics.mean(times) * 1e3, "ms", 50),
        reported(f"{name}: worst checkpoint", max(times) * 1e3, "ms", 1000),
        reported(f"{name}: written / changed", written / changed, "", goal),
        reported(f"{name}: stored at most / values", most / (ENTRIES * VALUE), "", 1.5),
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


def point_reads(base: str) -> list[bool]:
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

    def read(
        cache: FileCache, layout: TypeFiles, drop: bool = False, kept: bool = False
    ) -> Callable[[], float]:
        readers = {info: FileReader(storage, info, cache) for info in layout}

        def open_file(info: FileInfo) -> FileReader:
            return readers[info] if kept else FileReader(storage, info, cache)

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

    partitions = TypeFiles((), files.partitions)
    sides = (
        ("partitions, nothing cached", read(cold, partitions), 100),
        ("partitions, index cached", read(indexes, partitions, drop=True), 100),
        ("partitions, cached", read(warm, partitions), 10),
        ("7 runs in front, nothing cached", read(cold, files), 1000),
        ("7 runs in front, index cached", read(indexes, files, drop=True), 100),
        ("7 runs in front, cached", read(warm, files), 10),
        ("7 runs in front, cached, readers kept", read(warm, files, kept=True), 10),
        ("os.pread of as much", pread, 10),
    )
    met = [
        reported(f"point read, {name}", median_of(side), "us", goal) for name, side, goal in sides
    ]
    os.close(plain)
    return met


def median_of(side: Callable[[], float]) -> float:
    """Return the median of some rounds in microseconds."""
    side()
    return statistics.median(side() for _round in range(21)) * 1e6


def forget_blocks(cache: FileCache) -> None:
    """Leave the indexes in it."""
    for key, number in [each for each in cache._kept if each[1] >= 0]:
        _value, size = cache._kept.pop((key, number))
        cache._size -= size


def reported(name: str, value: float, unit: str, goal: float) -> bool:
    met = value <= goal
    print(f"{name}: {value:.3g} {unit} (goal <= {goal:g}) {'ok' if met else 'MISSED'}", flush=True)
    return met


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
