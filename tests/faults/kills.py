"""``kill -9`` of two writing processes at random moments: nothing acknowledged is lost, nothing doubled.

Two processes write to one database on real files (storage posix, store sqlite),
in several threads each, and make checkpoints and collect all the time. In each
cycle one of them, or both, are killed after a random time and started again;
after some cycles both are killed and the database is judged by what the
processes had said. By hand::

    python tests/faults/kills.py --cycles 10000
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

from judging import Judge
from processes import Processes, given_options, processes
from workload import Journal, Place, Worker, with_grace

NAMES = ("a", "b")
PER_ROUND = 25
LONGEST = 0.12


class Campaign:
    """Cycles on one database.

    :param chance: decides whom and when.
    """

    def __init__(self, place: Place, chance: random.Random, children: Processes) -> None:
        self._place, self._chance, self._children = place, chance, children
        self.judge = Judge()

    def round(self, cycles: int) -> int:
        """Kill at most so many times, then judge; return how many times."""
        running = {name: self._start(name) for name in NAMES}
        done = 0
        while done < cycles and not self.judge.due:
            done += 1
            time.sleep(self._chance.uniform(0, LONGEST))  # the moment is what is random
            victims = NAMES if self._chance.random() < 0.2 else self._chance.sample(NAMES, 1)
            for name in victims:
                self._kill(name, running[name])
            for name in victims:
                self._hear(name)
                running[name] = self._start(name)
        for name in NAMES:
            self._kill(name, running[name])
            self._hear(name)
        code = self._children.wait(self._children.fork(lambda: self.judge.judge(self._place)))
        assert code == 0, "the database is not as it must be: see above"
        self.judge.judged()
        return done

    def _kill(self, name: str, child: int) -> None:
        try:
            self._children.kill(child)
        except AssertionError as error:
            said = self._place.journal(name).read_text().splitlines()
            raise AssertionError("\n".join([str(error), *said[-3:]])) from error

    def _hear(self, name: str) -> None:
        journal = self._place.journal(name)
        if journal.exists():
            self.judge.hear(journal)

    def _start(self, name: str) -> int:
        seed = f"{self._chance.getrandbits(48):x}"

        def run() -> None:
            journal = Journal(self._place.journal(name))
            database = self._place.open()
            if int(seed, 16) % 2:
                database.start()
            Worker(database, journal, name, seed, lambda: False).run()

        return self._children.fork(run)


def main() -> int:
    given = given_options(__doc__, cycles=500, seed=20260601)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=given.directory) as name, processes() as children:
        place = Place(Path(name), with_grace(0.1), arbiter=given.arbiter)
        campaign = Campaign(place, random.Random(given.seed), children)
        done = 0
        while done < given.cycles:
            done += campaign.round(min(PER_ROUND, given.cycles - done))
            print(
                f"{done} cycles, {campaign.judge.acknowledged} commits acknowledged, "
                f"{campaign.judge.unknown} of unknown outcome, "
                f"{time.monotonic() - began:.1f} s",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
