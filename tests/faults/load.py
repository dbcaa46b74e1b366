"""Two processes write for as long as one likes: storage, memory, open files and the log must not grow.

Each writes in several threads, with checkpoints and collection in the background; the
entries alive are bounded, so all that is measured must be level after a while. Samples are
taken all along; of those after the warm-up, a straight line is fitted, and over the whole
time it may rise by a share of the mean at most. By hand::

    python tests/faults/load.py --seconds 3600
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path

from judging import Judge
from processes import Processes, processes
from workload import Journal, Place, Worker, with_grace

from ostler.datamanager import Datamanager

NAMES = ("a", "b")
WINDOW = 100
WARM_UP = 0.4
RISE = {"storage": 0.25, "memory": 0.15, "files": 0.15, "commits": 0.5, "others": 0.5}
"""How much each may rise, as a share of its mean, from the end of the warm-up to the end."""

LEAST = {"storage": 1 << 20, "memory": 4 << 20, "files": 8, "commits": 200, "others": 60}
"""Rises that are nothing, whatever the mean: a checkpoint more or less at the moment of a sample."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What is there at one moment.

    :param storage: bytes of all objects.
    :param memory: resident bytes of the processes that write.
    :param files: that they have open.
    :param commits: objects of the log.
    :param others: all other objects.
    """

    seconds: float
    storage: int
    memory: int
    files: int
    commits: int
    others: int


class Maintained(Worker):
    """A worker whose database looks after itself."""

    def _maintain(self) -> None:
        while not self._ended():
            self._never.wait(0.05)


def sample(place: Place, children: Sequence[int], seconds: float) -> Sample:
    page = os.sysconf("SC_PAGE_SIZE")
    memory = files = storage = commits = others = 0
    for child in children:
        memory += int(Path(f"/proc/{child}/statm").read_text().split()[1]) * page
        files += len(os.listdir(f"/proc/{child}/fd"))
    for directory, _directories, names in os.walk(place.storage):
        for name in names:
            try:
                storage += os.stat(f"{directory}/{name}").st_size
            except FileNotFoundError:
                continue
        if directory.endswith("/wal"):
            commits += len(names)
        else:
            others += len(names)
    return Sample(seconds, storage, memory, files, commits, others)


def rise(times: Sequence[float], values: Sequence[float]) -> float:
    """Return by how much the line that fits best rises over the whole time."""
    if len(set(values)) == 1:
        return 0.0
    return statistics.linear_regression(times, values).slope * (times[-1] - times[0])


def judge_samples(samples: Sequence[Sample], seconds: float) -> list[str]:
    """Print the table and what the lines do; return what rises too much."""
    names = [field.name for field in fields(Sample)]
    print(" ".join(f"{name:>12}" for name in names))
    for each in samples[:: max(1, len(samples) // 30)]:
        print(" ".join(f"{value:>12.0f}" for value in astuple(each)))
    warm = [each for each in samples if each.seconds >= seconds * WARM_UP]
    problems = []
    for name in names[1:]:
        values = [float(getattr(each, name)) for each in warm]
        mean = statistics.mean(values)
        rises = rise([each.seconds for each in warm], values)
        allowed = max(RISE[name] * mean, LEAST[name])
        print(f"{name:>12}: mean {mean:.0f}, rises by {rises:.0f}, at most {allowed:.0f}")
        if rises > allowed:
            problems.append(f"{name} rose by {rises:.0f} from a mean of {mean:.0f}")
    return problems


def run(place: Place, children: Processes, seed: int, seconds: float) -> list[str]:
    chance, judge = random.Random(seed), Judge()
    began = time.monotonic()
    end = began + seconds

    def work(name: str, own: str) -> None:
        with place.open() as database:
            assert isinstance(database, Datamanager)
            journal = Journal(place.journal(name))
            Maintained(
                database, journal, name, own, lambda: time.monotonic() >= end, window=WINDOW
            ).run(4)

    running = []
    for name in NAMES:
        own = f"{chance.getrandbits(48):x}"
        running.append(children.fork(lambda name=name, own=own: work(name, own)))
    samples: list[Sample] = []
    interval = max(0.25, seconds / 1000)
    while time.monotonic() < end - interval:
        time.sleep(interval)  # samples are taken in time
        for child in running:
            children.check(child)
        samples.append(sample(place, running, time.monotonic() - began))
    for child in running:
        assert children.wait(child) == 0, "a process failed: see above"
    for name in NAMES:
        judge.hear(place.journal(name))
    assert children.wait(children.fork(lambda: judge.judge(place))) == 0, "see above"
    print(f"{judge.acknowledged} commits acknowledged, {judge.unknown} of unknown outcome")
    return judge_samples(samples, seconds)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=20260606)
    parser.add_argument("--directory", type=Path)
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    options = replace(with_grace(1.0), checkpoint_commits=100, cache_bytes=1 << 20)
    with tempfile.TemporaryDirectory(dir=given.directory) as name, processes() as children:
        problems = run(Place(Path(name), options, WINDOW), children, given.seed, given.seconds)
    print("\n".join(problems) or "level")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
