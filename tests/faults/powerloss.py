"""Power lost at every system call: whatever the disk then holds, the database has what was acknowledged.

A short piece of work (`powerwork.py`) runs under strace. Its calls are replayed
on a model of a disk (`disk.py` says what may be lost, and after which
literature). After each call that changed anything, states that a power loss
could leave are put into a directory, and database and key-value store are opened
there: everything acknowledged before must be in it, whatever was begun is there
whole or not at all, verification finds nothing, and another commit and a
checkpoint succeed. States are enumerated when there are few, else sampled. By hand::

    python tests/faults/powerloss.py --states 256
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

from disk import Disk, Tree
from powerwork import actions_of, entries_after, place_in
from processes import end_as_told, quick_directory
from tracing import CALLS, Call, Replay, read_calls
from workload import TYPES, close

from ostler.clock import SystemClock
from ostler.kv import KeyValueStore
from ostler_sqlite.driver import open_driver
from ostler_sqlite.settings import SqliteSettings


@dataclass(slots=True)
class Told:
    """What the work had said before the power was lost: the last number of each kind."""

    numbers: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("begin", "done", "put", "stored"), 0)
    )

    def take(self, data: bytes) -> None:
        for line in data.decode().splitlines():
            kind, number = line.split()
            self.numbers[kind] = int(number)

    @property
    def key(self) -> tuple[int, ...]:
        return tuple(self.numbers.values())


def trace(directory: Path, without: str | None) -> list[Call]:
    """Run the work below a directory, perhaps without some of its calls; return them."""
    place, log = directory / "work", directory / "trace"
    place.mkdir()
    script = Path(__file__).with_name("powerwork.py")
    command = ["strace", "-f", "-y", "-xx", "-s", "2000000", "-e", "signal=none"]
    command += ["-e", f"trace={CALLS}", "-o", str(log), sys.executable, str(script), str(place)]
    command += [without] if without else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "ptrace" in done.stderr:
        print("not allowed: strace may not trace here")
        sys.exit(77)
    assert done.returncode == 0, done.stderr
    with log.open() as file:
        return list(read_calls(file))


def hashed(tree: Tree) -> bytes:
    digest = blake2b(digest_size=16)
    for path, content in sorted(tree.items()):
        digest.update(repr((path, content)).encode())
    return digest.digest()


def store_tree(tree: Tree, directory: Path) -> None:
    for path, content in tree.items():
        if content is None:
            (directory / path).mkdir(parents=True, exist_ok=True)
        elif not path.endswith("-shm"):  # made anew by the first who opens it after a loss
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_bytes(content)


def check_store(directory: Path, told: Told) -> None:
    store = KeyValueStore(
        open_driver(SqliteSettings(path=str(directory / "kv" / "own" / "store.sqlite"))),
        clock=SystemClock(),
    )
    with contextlib.closing(store):
        item = store.get("proof")
    value = item.value if item else b""
    least, most = told.numbers["stored"], told.numbers["put"]
    possible = [str(number).encode() * 2000 if number else b"" for number in range(least, most + 1)]
    assert value in possible, f"the store has {value[:9]!r}…, said was {told.numbers}"


def check_database(directory: Path, told: Told, onwards: bool) -> None:
    database = place_in(directory).open()
    try:
        least, most = told.numbers["done"], told.numbers["begin"]
        found = {f"{kind} {name}": data for kind in TYPES for name, data in database.scan(kind)}
        last = int(found.get("last number", 0))
        assert least <= last <= most, f"the database is at {last}, said was {told.numbers}"
        assert found == entries_after(last), f"entries are not those after {last}"
        assert list(database.verify()) == []
        if onwards:
            database.commit(actions_of(last + 1))
            database.checkpoint()
            database.collect()
            assert database.get("last", "number") == str(last + 1).encode()
            assert list(database.verify()) == []
    finally:
        close(database)


@dataclass(slots=True)
class Campaign:
    """Every cut of one trace.

    :param states: to look at after each call, at most.
    """

    calls: list[Call]
    base: Path
    scratch: Path
    states: int
    stride: int
    chance: random.Random
    checked: int = 0
    cuts: int = 0
    told: Told = field(default_factory=Told)
    _seen: set[tuple[bytes, tuple[int, ...]]] = field(default_factory=set)

    def run(self) -> None:
        replay = Replay(str(self.base), self.told.take)
        for number, call in enumerate(self.calls):
            before = self.told.key
            changed = replay.do(call)
            # What was acknowledged just now must be durable before anything else happens.
            if self.told.key != before or (changed and self.chance.randrange(self.stride) == 0):
                self.cuts += 1
                self._check_all(replay.disk, number, call)

    def _check_all(self, disk: Disk, number: int, call: Call) -> None:
        for choice in disk.states(self.states, self.chance):
            tree = disk.tree(choice)
            tree.pop("marker", None)
            key = hashed(tree), self.told.key
            if key not in self._seen:
                self._seen.add(key)
                try:
                    self._check(tree)
                except BaseException:
                    print(f"after call {number} of {len(self.calls)}: {call}; kept: ", end="")
                    print({type(node).__name__: kept for node, kept in choice.items()})
                    print("\n".join(f"  {name}" for name in sorted(tree)), flush=True)
                    raise

    def _check(self, tree: Tree) -> None:
        self.checked += 1
        with lost_power(tree, self.scratch) as directory:
            check_store(directory, self.told)
            check_database(directory, self.told, onwards=self.checked % 4 == 0)


@contextlib.contextmanager
def lost_power(tree: Tree, scratch: Path) -> Iterator[Path]:
    directory = scratch / "state"
    directory.mkdir()
    try:
        store_tree(tree, directory)
        yield directory
    finally:
        shutil.rmtree(directory)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--states", type=int, default=64, help="after each call, at most")
    parser.add_argument("--stride", type=int, default=1, help="look after one call of so many")
    parser.add_argument("--seed", type=int, default=20260604)
    parser.add_argument("--without", help="a call of the module os: must be noticed")
    parser.add_argument("--directory", type=Path, help="on a real disk: where the work is traced")
    given = parser.parse_args()
    end_as_told()
    if shutil.which("strace") is None:
        print("not possible: strace is not installed")
        return 77
    print(f"seed {given.seed}", flush=True)
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(dir=given.directory) as name,
        tempfile.TemporaryDirectory(dir=quick_directory()) as scratch,
    ):
        base = Path(os.path.realpath(name))
        calls = trace(base, given.without)
        traced = time.monotonic() - began
        chance = random.Random(given.seed)
        work = base / "work"
        campaign = Campaign(calls, work, Path(scratch), given.states, given.stride, chance)
        campaign.run()
    assert campaign.told.numbers["done"], "the trace tells of no commit"
    print(
        f"{len(calls)} calls in {traced:.1f} s; {campaign.cuts} cuts, {campaign.checked} different "
        f"states checked, {time.monotonic() - began:.1f} s; said: {campaign.told.numbers}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
