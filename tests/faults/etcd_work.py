"""What a process of the faults of etcd does beside what `workload` does: beats, fresh reads, a watch.

Every line of its journal says when it was written, by the clock that all
processes of a machine share: from it follows who was held up for how long.
"""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Callable, Iterable
from itertools import groupby

from workload import Journal, Worker

from ostler.datamanager import Commit, CommitWatch, Datamanager, Put
from ostler.errors import Compacted, Unavailable, Unknown

PACE = 0.01
"""Seconds between two transactions of a thread: time to judge before entries leave the window."""

ALIVE = 1000
"""Entries of a thread: the window."""

_BACK, _TURNS = 20, 100
BEAT = "beat/"


class TimedJournal(Journal):
    """A journal with the time of each line before it."""

    def say(self, *words: object) -> None:
        line = " ".join(map(str, words))
        os.write(self._descriptor, f"at {time.monotonic():.6f}\n{line}\n".encode())


class EtcdWorker(Worker):
    """A process at work, under a fault of etcd.

    :param other: name of the other process.
    """

    def __init__(
        self, database: Datamanager, journal: TimedJournal, name: str, other: str, seed: str
    ) -> None:
        super().__init__(database, journal, name, seed, self._pace, window=ALIVE)
        self._other = other

    def jobs(self, writers: int) -> list[Callable[[], None]]:
        return [*super().jobs(writers), self._beat, self._look, self._follow]

    def _pace(self) -> bool:
        self._never.wait(PACE)
        return False

    def _safely(self, job: Callable[[], None]) -> None:
        super()._safely(lambda: self._patiently(job))

    def _patiently(self, job: Callable[[], None]) -> None:
        """Begin anew after each failure that may be gone later: whether there may be any is judged elsewhere."""
        while not self._ended():
            try:
                job()
            except Unavailable as error:
                self._journal.say("blind", self._name, error.message)

    def _beat(self) -> None:
        """Commit one number after the other, under a token of a group that nobody else moves."""
        name, group = self._name, f"own/{self._name}"
        while not self._ended():
            read = self._database.read((("last", BEAT + name),), groups=(group,))
            number = int(read.values[0] or 0) + 1
            beat = Put("last", BEAT + name, str(number).encode())
            self._journal.say("beating", name, number)
            try:
                commit = self._database.commit((beat,), token=read.token)
            except Unknown:
                self._journal.say("unknown", name)
                continue
            self._journal.say("beat", name, number, commit)

    def _look(self) -> None:
        """Read the other's number, again and again."""
        while not self._ended():
            began = time.monotonic()
            found = int(self._database.get("last", BEAT + self._other) or 0)
            self._journal.say("saw", self._name, self._other, found, f"{began:.6f}")

    def _follow(self) -> None:
        """Watch; go back some commits now and then, and watch from there."""
        while True:
            newest = self._database.sync()
            if not self._watch_from(max(0, newest - _BACK), may_be_gone=True):
                self._watch_from(newest)

    def _watch_from(self, position: int, *, may_be_gone: bool = False) -> bool:
        """Watch for a while; return False when what follows was removed already."""
        with self._database.watch(position) as watch:
            self._journal.say("watching", self._name, position)
            for turn in range(_TURNS):
                try:
                    self._hear(watch)
                except Compacted:
                    if turn or not may_be_gone:
                        raise
                    return False
        return True

    def listen(self) -> None:
        """Watch, and do nothing else that would bring this process up to date."""
        self._safely(self._listen)

    def _listen(self) -> None:
        with self._database.watch(self._database.sync()) as watch:
            self._journal.say("watching", self._name, watch.position)
            while True:
                self._hear(watch)

    def _hear(self, watch: CommitWatch) -> None:
        for number, together in groupby(watch.next(), lambda commit: commit.number):
            check, beats = _digest(together)
            self._journal.say("event", self._name, number, check, *beats)


def _digest(commits: Iterable[Commit]) -> tuple[int, list[str]]:
    """Return a checksum of the transactions of a batch, and the beats among them."""
    check, beats = 0, []
    for commit in commits:
        for action in commit.actions:
            data = action.data if isinstance(action, Put) else b"\0deleted"
            check = zlib.crc32(f"{action.type}/{action.id}".encode() + data, check)
            if isinstance(action, Put) and action.id.startswith(BEAT):
                beats.append(f"{action.id.removeprefix(BEAT)}:{data.decode()}")
        check = zlib.crc32(repr(commit.groups).encode(), check)
    return check, beats
