"""Memory is bounded, however much is compacted: measured in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TIMEOUT, SLOW_TIMEOUT = 50, 1700  # seconds; shorter than pytest's, so that no process is left

SCRIPT = """
import resource, sys
from collections.abc import Sequence
from ostler.clock import SystemClock
from ostler.datamanager.compaction import CompactionOptions, TypeFiles, compact
from ostler.datamanager.files import FileCache
from ostler.ost import ObjectStorage
from ostler_posix.driver import PosixStorage
from ostler_posix.settings import PosixSettings

path, count, size, checkpoints = sys.argv[1], *map(int, sys.argv[2:])

class Changes(Sequence):
    "Entries that take no memory until they are asked for."
    def __init__(self, step, text):
        self.step, self.text = step, text
    def __len__(self):
        return -(-count // self.step)
    def __getitem__(self, at):
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        number = at * self.step
        if number >= count:
            raise IndexError(at)
        return f"id-{number:012}", (b"%d %s " % (number, self.text)) * (size // 20)

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10

storage = ObjectStorage(PosixStorage(PosixSettings(path=path, persist=False)), clock=SystemClock())
cache, ids = FileCache(8 << 20), iter(range(10**9))

def checkpoint(files, changes):
    return compact(storage, "kind", files, changes, options=CompactionOptions(),
                   cache=cache, new_id=lambda: f"{next(ids):08}")

files = checkpoint(TypeFiles(), [("id", b"")])
idle = peak()
files = checkpoint(TypeFiles(), Changes(1, b"first"))
for number in range(checkpoints):
    files = checkpoint(files, Changes(40 + number, b"later %d" % number))
files = checkpoint(files, Changes(2, b"last"))
assert not files.runs and sum(info.count for info in files.partitions) == count
print(peak() - idle)
"""


def grown(path: Path, count: int, size: int, checkpoints: int) -> int:
    """Return by how many MiB the process grew above what it takes when it is idle."""
    arguments = [str(path), str(count), str(size), str(checkpoints)]
    told = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT if count < 10**6 else SLOW_TIMEOUT,
    )
    assert told.returncode == 0, told.stderr
    return int(told.stdout)


@pytest.mark.parametrize(("count", "size"), [(200_000, 20), (40_000, 4000)])
def test_compaction_takes_at_most_64_MiB(tmp_path: Path, count: int, size: int) -> None:
    assert grown(tmp_path, count, size, 9) <= 64


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_compaction_of_ten_million_entries_takes_no_more(tmp_path: Path) -> None:
    assert grown(tmp_path, 10_000_000, 20, 9) <= 64
