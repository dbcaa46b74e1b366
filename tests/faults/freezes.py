"""A process frozen for longer than the grace period, at every point that matters, while another goes on.

The frozen one is stopped by SIGSTOP: at random moments, and by itself just
before or after the exclusive create of a commit or a manifest, before data
files are made durable, before a log object is read, and between the listing and
the deletion of a collection. The other commits, makes checkpoints and collects
until the number that the frozen one was about to take is taken, covered by a
manifest and removed from the log; then the frozen one is woken. Whatever it
acknowledges then must be in the database, once. By hand::

    python tests/faults/freezes.py --cycles 1000
"""

from __future__ import annotations

import mmap
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from judging import Judge
from processes import Processes, given_options, processes
from workload import Journal, Place, Worker, with_grace

from ostler.datamanager.names import MANIFESTS, WALS, number_of
from ostler.spi.storage import Body, Capabilities, ObjectInfo, Readable, StorageDriver
from ostler_posix.driver import PosixStorage
from ostler_posix.settings import PosixSettings

GRACE = 0.2
PATIENCE = 20.0
PER_ROUND = 10
POINTS = (
    "at a random moment",
    "before a commit is created",
    "after a commit is created",
    "before a manifest is created",
    "after a manifest is created",
    "before data files are persisted",
    "before an object of the log is read",
    "between listing and deletion",
)
FROZEN, OTHER = "frozen", "other"


class FreezingStorage(PosixStorage):
    """Stops its own process where ``armed`` says, once.

    :param armed: shared with whoever sets a trap: its first byte is the number of a point.
    """

    def __init__(self, settings: PosixSettings, armed: mmap.mmap, arbiter: str) -> None:
        super().__init__(settings)
        self._armed, self._arbiter = armed, arbiter

    @property
    def capabilities(self) -> Capabilities:
        return replace(super().capabilities, exclusive_put=self._arbiter == "storage")

    def put(
        self, key: str, source: Readable, *, size: int | None, persist: bool, if_absent: bool
    ) -> ObjectInfo:
        kind = "commit" if key.startswith(WALS) else "manifest"
        numbered = key.startswith((WALS, MANIFESTS)) and number_of(key) is not None
        if numbered:
            self._stop(f"before a {kind} is created")
        info = super().put(key, source, size=size, persist=persist, if_absent=if_absent)
        if numbered:
            self._stop(f"after a {kind} is created")
        return info

    def get(self, key: str, start: int, end: int | None) -> tuple[ObjectInfo, Body]:
        if key.startswith(WALS):
            self._stop("before an object of the log is read")
        return super().get(key, start, end)

    def persist(self, keys: Sequence[str]) -> None:
        self._stop("before data files are persisted")
        super().persist(keys)

    def delete_many(self, keys: Iterable[str]) -> None:
        self._stop("between listing and deletion")
        super().delete_many(keys)

    def _stop(self, point: str) -> None:
        number = POINTS.index(point)
        if self._armed[0] == number:
            self._armed[0] = 0
            os.kill(os.getpid(), signal.SIGSTOP)


class Campaign:
    """Cycles on one database."""

    def __init__(self, place: Place, chance: random.Random, children: Processes) -> None:
        self._place, self._chance, self._children = place, chance, children
        self._armed = mmap.mmap(-1, 1)
        self.judge = Judge()
        self.outcomes: Counter[str] = Counter()

    def round(self, points: Sequence[str]) -> int:
        """Freeze at these points, one after the other, then judge; return how many were passed."""
        other = self._start(OTHER, self._place.open)
        frozen = self._start(FROZEN, lambda: self._place.open(self._freezing))
        self._until(lambda: self._commits(OTHER) and self._commits(FROZEN), "begin to commit")
        done = 0
        try:
            while done < len(points) and not self.judge.due:
                self._cycle(points[done], frozen)
                self._children.check(other)
                done += 1
        except AssertionError:
            self.judge.hear(self._place.journal(FROZEN))  # it may have said why
            self.judge.hear(self._place.journal(OTHER))
            raise
        for name, child in ((FROZEN, frozen), (OTHER, other)):
            self._children.kill(child)
            self.judge.hear(self._place.journal(name))
        code = self._children.wait(self._children.fork(lambda: self.judge.judge(self._place)))
        assert code == 0, "the database is not as it must be: see above"
        self.judge.judged()
        return done

    def _cycle(self, point: str, frozen: int) -> None:
        number = POINTS.index(point)
        time.sleep(self._chance.uniform(0, 0.05))  # the moment is what is random
        if number:
            self._armed[0] = number
        else:
            os.kill(frozen, signal.SIGSTOP)
        stopped = self._children.stopped(frozen, PATIENCE)
        assert stopped, f"it never came to the point {point!r}"
        overtaken = self._overtaken()
        before = self._commits(FROZEN)
        os.kill(frozen, signal.SIGCONT)
        self._until(lambda: self._commits(FROZEN) > before, f"go on after being frozen {point}")
        self._children.check(frozen)
        self.outcomes[f"{point}{'' if overtaken else ', others blocked'}"] += 1

    def _overtaken(self) -> bool:
        """Wait until the number that the frozen process could take is gone from the log; False: others wait for it.

        It may have been frozen while it held a lock of the key-value store.
        """
        newest = max(self._numbers(), default=0)
        deadline = time.monotonic() + PATIENCE / 4
        while time.monotonic() < deadline:
            if min(self._numbers(), default=0) > newest + 1:
                return True
            time.sleep(0.005)
        return False

    def _numbers(self) -> list[int]:
        try:
            names = os.listdir(self._place.storage / "wal")
        except FileNotFoundError:
            return []
        return [int(name) for name in names if name.isdecimal()]

    def _commits(self, name: str) -> int:
        """Return how many transactions of a process are known to be acknowledged."""
        journal = self._place.journal(name)
        if journal.exists():
            self.judge.hear(journal)
        writers = self.judge.writers.items()
        return sum(known.done for writer, known in writers if writer.startswith(name))

    def _until(self, reached: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not reached():
            self._children.check_all()
            if time.monotonic() > deadline:
                self._children.tell_where()
                raise AssertionError(f"a process did not {what}")
            time.sleep(0.002)

    def _freezing(self, settings: PosixSettings) -> StorageDriver:
        return FreezingStorage(settings, self._armed, self._place.arbiter)

    def _start(self, name: str, opened: Callable[[], object]) -> int:
        seed = f"{self._chance.getrandbits(48):x}"

        def run() -> None:
            journal = Journal(self._place.journal(name))
            database = opened()
            database.start()
            Worker(database, journal, name, seed, lambda: False).run()

        return self._children.fork(run)


def main() -> int:
    given = given_options(__doc__, cycles=100, seed=20260602)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=given.directory) as name, processes() as children:
        chance = random.Random(given.seed)
        campaign = Campaign(
            Place(Path(name), with_grace(GRACE), arbiter=given.arbiter), chance, children
        )
        done = 0
        while done < given.cycles:
            some = min(PER_ROUND, given.cycles - done)
            done += campaign.round([POINTS[(done + at) % len(POINTS)] for at in range(some)])
            print(
                f"{done} cycles, {campaign.judge.acknowledged} commits acknowledged, "
                f"{campaign.judge.unknown} of unknown outcome, "
                f"{time.monotonic() - began:.1f} s",
                flush=True,
            )
    for point, times in sorted(campaign.outcomes.items()):
        print(f"{times:6} {point}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
