"""What the processes of the fault tests do with a database, and what must then be in it.

Each process writes into a journal of its own what it is about to commit, and
what was acknowledged *after* it was; a line that was written survives any kill.
So whoever reads the journals knows what must be there, what may be, and what
must not. Two kinds of transactions:

- An *entry*: the next number of one writer, with a value that follows from it;
  the transaction also writes the writer's last number and deletes the entry
  that leaves the window. Writers share nothing.
- A *count*: one more than the shared counter, under a token, with a line that
  says whose increment it was. All writers of all processes share the group.
"""

from __future__ import annotations

import json
import os
import random
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path

from ostler.clock import SystemClock
from ostler.datamanager import Action, Datamanager, Delete, Options, Put
from ostler.errors import Conflict, Unknown
from ostler.kv import KeyValueStore
from ostler.ost import ObjectStorage
from ostler.retry import RetryPolicy
from ostler.spi import KvDriver
from ostler.spi.storage import Capabilities, StorageDriver
from ostler_posix.driver import PosixStorage
from ostler_posix.settings import PosixSettings
from ostler_sqlite.driver import open_driver
from ostler_sqlite.settings import SqliteSettings

TYPES = ("entry", "last", "counter", "count")
WINDOW = 2000
GROUP = "shared"

TINY = Options(
    keep_manifests=2,
    checkpoint_commits=20,
    checkpoint_interval=0.1,
    batch_bytes=16 << 10,
    cache_bytes=64 << 10,
    file_size=16 << 10,
    block_size=1 << 10,
    fanout=3,
    keep_groups=4,
    poll=0.05,
)
"""Everything as small as it can be, so that all of it happens all the time."""

Wrap = Callable[[PosixSettings], StorageDriver]


class Inexclusive(PosixStorage):
    """A storage of which two writers of one object may both win."""

    @property
    def capabilities(self) -> Capabilities:
        return replace(super().capabilities, exclusive_put=False)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a database lies, with which options it is used, and how much is alive in it.

    :param window: entries of each writer, and counts.
    :param arbiter: who decides between writers: with ``"kv"`` the storage says
        that it does not create exclusively.
    """

    directory: Path
    options: Options
    window: int = WINDOW
    arbiter: str = "storage"

    @property
    def storage(self) -> Path:
        return self.directory / "storage"

    @property
    def settings(self) -> PosixSettings:
        return PosixSettings(path=str(self.storage))

    @property
    def driver(self) -> type[PosixStorage]:
        return PosixStorage if self.arbiter == "storage" else Inexclusive

    def journal(self, name: str) -> Path:
        return self.directory / f"journal-{name}"

    def open(self, wrap: Wrap | None = None) -> Datamanager:
        """Open the database; ``wrap`` makes another driver of the storage than usual."""
        clock = SystemClock()
        driver = wrap(self.settings) if wrap else self.driver(self.settings)
        retry = RetryPolicy(attempts=3, first=0.01)
        ost = ObjectStorage(driver, clock=clock, retry=retry)
        kv = KeyValueStore(self.store(), clock=clock)
        database = Datamanager(ost, kv, types=TYPES, clock=clock, options=self.options)
        database.open()
        return database

    def store(self) -> KvDriver:
        """Open the key-value store."""
        path = self.directory / "kv" / "own" / "store.sqlite"
        return open_driver(SqliteSettings(path=str(path)))


def close(database: Datamanager) -> None:
    """Close a database, its storage and its store."""
    database.close()
    database._ost.close()
    database._kv.close()


def with_grace(seconds: float) -> Options:
    """Return the tiny options with a grace period."""
    return replace(TINY, grace=seconds)


def entry_id(writer: str, number: int) -> str:
    return f"{writer}/{number:010}"


def payload(writer: str, number: int) -> bytes:
    """Return the value of an entry: it follows from its id; mostly small, some larger than a file."""
    chance = random.Random(f"{writer}/{number}")
    return f"{writer} {number} ".encode() + chance.randbytes(
        40_000 if number % 499 == 0 else chance.randrange(60)
    )


class Journal:
    """What one process says of its commits, line by line."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC)

    def say(self, *words: object) -> None:
        os.write(self._descriptor, (" ".join(map(str, words)) + "\n").encode())


class Worker:
    """One process at work, until it is killed or told to end.

    :param name: of the process; a new one of the same name goes on where the last one was.
    :param ended: asked between two transactions.
    """

    def __init__(
        self,
        database: Datamanager,
        journal: Journal,
        name: str,
        seed: str,
        ended: Callable[[], bool],
        *,
        window: int = WINDOW,
    ) -> None:
        self._database, self._journal, self._name = database, journal, name
        self._seed, self._ended, self._window = seed, ended, window
        self._never = threading.Event()
        self._tries = count(1)

    def run(self, writers: int = 2) -> None:
        """Work in threads; what none of them may raise is said in the journal, and ends the process."""
        jobs = self.jobs(writers)
        threads = [threading.Thread(target=self._safely, args=(job,), daemon=True) for job in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def jobs(self, writers: int) -> list[Callable[[], None]]:
        """Return what the threads do."""
        writing = [partial(self._write, f"{self._name}.{at}") for at in range(writers)]
        return [*writing, self._count, self._maintain]

    def _safely(self, job: Callable[[], None]) -> None:
        try:
            job()
        except BaseException:
            self._journal.say("!", json.dumps(traceback.format_exc()))
            os._exit(3)

    def _write(self, writer: str) -> None:
        number = self._last(writer)
        while not self._ended():
            number += 1
            self._journal.say("begin", writer, number)
            try:
                commit = self._database.commit(_entry(writer, number, self._window))
            except Unknown:
                self._journal.say("unknown", writer)
                number = self._last(writer)
                continue
            self._journal.say("done", writer, number, commit)
            if number % 16 == 0:
                self._read_back(writer, number - 7)

    def _last(self, writer: str) -> int:
        """Return the number that a writer's last transaction wrote, and say it."""
        number = int(self._database.get("last", writer) or 0)
        self._journal.say("last", writer, number)
        return number

    def _read_back(self, writer: str, number: int) -> None:
        found = self._database.get("entry", entry_id(writer, number))
        assert found == payload(writer, number), (writer, number, found)

    def _count(self) -> None:
        while not self._ended():
            read = self._database.read((("counter", GROUP),), groups=(GROUP,))
            value = int(read.values[0] or 0) + 1
            line = f"{self._name}-{self._seed}-{next(self._tries)}"
            self._journal.say("try", line, value)
            try:
                commit = self._database.commit(_count(value, line, self._window), token=read.token)
            except Conflict as error:
                if error.code != "changed":
                    raise
                self._journal.say("refused", line)
            except Unknown:
                pass  # it stays a try, of which nobody knows the end
            else:
                self._journal.say("counted", line, value, commit)

    def _maintain(self) -> None:
        chance = random.Random(self._seed)
        while not self._ended():
            self._database.checkpoint()
            self._database.collect()
            self._never.wait(chance.uniform(0, 0.02))


def _entry(writer: str, number: int, window: int) -> list[Action]:
    actions: list[Action] = [
        Put("entry", entry_id(writer, number), payload(writer, number)),
        Put("last", writer, str(number).encode()),
    ]
    if number > window:
        actions.append(Delete("entry", entry_id(writer, number - window)))
    return actions


def _count(value: int, line: str, window: int) -> list[Action]:
    actions: list[Action] = [
        Put("counter", GROUP, str(value).encode()),
        Put("count", f"{value:010}", line.encode()),
    ]
    if value > window:
        actions.append(Delete("count", f"{value - window:010}"))
    return actions
