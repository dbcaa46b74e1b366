"""Data files and compaction of the datamanager: prints each figure beside its goal, and peers.

``datamanager_files.py [DISK]``: a directory on the disk (default: here).
"""

from __future__ import annotations

import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from itertools import count

from datamanager_peers import Plain, Table

from ostler.clock import SystemClock
from ostler.datamanager.compaction import CompactionOptions, TypeFiles, compact, look_up, scan
from ostler.datamanager.files import FileCache, FileInfo, FileReader
from ostler.ost import ObjectStorage
from ostler_posix.driver import PosixStorage
from ostler_posix.settings import PosixSettings

ENTRIES, UPDATES, CHECKPOINTS, VALUE, READS = 100_000, 1000, 96, 1024, 100
NO_CACHE, CACHE = 0, 256 << 20
DICE = random.Random(7)
NEW = count()


def main(disk: str = ".") -> int:
    met: list[bool] = []
    with scratch(disk) as base:
        met += checkpoints(base, "incompressible", noise, 5)
    with scratch(disk) as base:
        met += checkpoints(base, "compressible", text, 1)
    with scratch(disk) as base:
        met += point_reads(base)
    return int(not all(met))


def checkpoints(base: str, name: str, value: Callable[[], bytes], goal: float) -> list[bool]:
    """Random updates, each set of them a checkpoint."""
    storage, cache = storage_at(base), FileCache(64 << 20)
    model = {f"entry-{number:08}": value() for number in range(ENTRIES)}
    files, took, used = checkpoint(storage, cache, TypeFiles(), model)
    times: list[float] = []
    busy: list[float] = []
    peer: list[float] = []
    written = most = 0
    with closing(Plain(f"{base}/plain", model)) as plain:
        told = f"{took * 1e3:.0f} ms (processor {used * 1e3:.0f})"
        told += f", peer: written plainly and synchronised {plain.took * 1e3:.0f} ms"
        print(f"{name}: first checkpoint, of {ENTRIES} entries: {told}", flush=True)
    with closing(Table(f"{base}/peer.sqlite", model)) as table:
        for _round in range(CHECKPOINTS):
            changes = {f"entry-{DICE.randrange(ENTRIES):08}": value() for _each in range(UPDATES)}
            model |= changes
            peer.append(table.update(changes))
            before = set(files)
            files, took, used = checkpoint(storage, cache, files, changes)
            times.append(took)
            busy.append(used)
            written += sum(info.size for info in set(files) - before)
            most = max(most, sum(info.size for info in files))
    assert dict(scan(files, lambda info: FileReader(storage, info, cache))) == model
    print(f"{name}: {CHECKPOINTS} checkpoints of {UPDATES} random updates; ", end="")
    print(f"peer: sqlite's mean {statistics.mean(peer) * 1e3:.1f} ms, {max(peer) * 1e3:.0f} worst")
    return [
        reported(f"{name}: median", statistics.median(times) * 1e3, "ms", 50),
        reported(f"{name}: mean", statistics.mean(times) * 1e3, "ms", 50),
        reported(f"{name}: mean, processor", statistics.mean(busy) * 1e3, "ms", 50),
        reported(f"{name}: worst", max(times) * 1e3, "ms", 1000),
        reported(f"{name}: worst, processor", max(busy) * 1e3, "ms", 1000),
        reported(f"{name}: written / changed", written / (CHECKPOINTS * UPDATES * VALUE), "", goal),
        reported(f"{name}: stored at most / values", most / (ENTRIES * VALUE), "", 1.5),
    ]


def checkpoint(
    storage: ObjectStorage, cache: FileCache, files: TypeFiles, changes: dict[str, bytes]
) -> tuple[TypeFiles, float, float]:
    """Return the files, and how many seconds that took: of the clock, of the processor."""
    entries = sorted(changes.items())
    began, used = time.perf_counter(), time.process_time()
    after = compact(
        storage,
        "entry",
        files,
        entries,
        options=CompactionOptions(),
        cache=cache,
        new_id=lambda: f"{next(NEW):012}",
    )
    took, used = time.perf_counter() - began, time.process_time() - used
    named = {info.key for info in after}
    storage.delete_many(info.key for info in files if info.key not in named)
    return after, took, used


def point_reads(base: str) -> list[bool]:
    """From partitions alone, and with seven runs in front."""
    storage = storage_at(base)
    cold, indexes, warm = FileCache(NO_CACHE), FileCache(CACHE), FileCache(CACHE)
    data = {f"entry-{number:08}": noise() for number in range(ENTRIES)}
    files, *_times = checkpoint(storage, warm, TypeFiles(), data)
    for _run in range(7):
        changes = {key: noise() for key in DICE.sample(sorted(data), UPDATES)}
        files, *_times = checkpoint(storage, warm, files, changes)
    wanted = DICE.sample(sorted(data), READS)

    def reading(cache: FileCache, layout: TypeFiles, kept: bool = False) -> Callable[[], float]:
        readers = {info: FileReader(storage, info, cache) for info in layout}

        def open_file(info: FileInfo) -> FileReader:
            return readers[info] if kept else FileReader(storage, info, cache)

        def run() -> float:
            if cache is indexes:
                forget_blocks(cache)
            return timed(lambda key: look_up(layout, key, open_file), wanted)

        return run

    partitions = TypeFiles((), files.partitions)
    met = [
        reported(f"point read, {name}", median_of(side), "us", goal)
        for name, side, goal in (
            ("partitions, nothing cached", reading(cold, partitions), 100),
            ("partitions, index cached", reading(indexes, partitions), 100),
            ("partitions, cached", reading(warm, partitions), 10),
            ("7 runs in front, nothing cached", reading(cold, files), 1000),
            ("7 runs in front, index cached", reading(indexes, files), 100),
            ("7 runs in front, cached", reading(warm, files), 10),
            ("7 runs in front, cached, readers kept", reading(warm, files, kept=True), 10),
        )
    ]
    times = []
    for peer in (Table(f"{base}/peer.sqlite", data), Plain(f"{base}/plain", data)):
        with closing(peer):
            times.append(median_of(partial(timed, peer.read, wanted)))
    print(f"point read, peers: sqlite's {times[0]:.3g} us, os.pread {times[1]:.3g} us")
    return met


def timed(read: Callable[[str], object], wanted: list[str]) -> float:
    """Return the seconds of a read, on average."""
    began = time.perf_counter()
    for key in wanted:
        assert read(key) is not None
    return (time.perf_counter() - began) / len(wanted)


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


def noise() -> bytes:
    return DICE.randbytes(VALUE)


def text() -> bytes:
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
