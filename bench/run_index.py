"""How soon a process can list runs: with the index as it was left, and with the index rebuilt.

python bench/run_index.py [--runs 100000] [--commits 10000] [--directory .]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from statistics import median

from ostler.clock import SystemClock
from ostler.compose import Composition
from ostler.datamanager import Put
from ostler.runs.model import Phase, Result, Run, Status, Step, StepPhase, Task
from ostler.services.runservice import Selection, entries
from ostler.settings import load_settings

CLOCK = SystemClock()
BATCH = 1000
GOALS = {"ready": 0.3, "rebuilt": 1.5}


def archived(number: int) -> Run:
    """Return a run of two tasks of two steps, as most are."""
    step = Step(phase=StepPhase.SUCCESS, start_time=1.7e9, end_time=1.7e9 + 1, exit_code=0)
    tasks = [
        Task(
            id=CLOCK.new_id(),
            status=Status.SUCCESS,
            setup=step,
            steps=(step, step),
            start_time=1.7e9,
            end_time=1.7e9 + 2,
        )
        for _ in range(2)
    ]
    return Run(
        id=CLOCK.new_id(),
        config_id=CLOCK.new_id(),
        name="build",
        counter=number,
        group=f"/project/p{number % 50}/run/build",
        phase=Phase.FINISHED if number % 20 else Phase.CANCELLED,
        result=Result.FAILED if number % 7 == 0 else Result.SUCCESS,
        annotations={"branch": f"b{number % 100}"} if number % 2 else {},
        tasks={task.id: task for task in tasks},
        enqueue_time=1.7e9 + number,
        start_time=1.7e9 + number,
        end_time=1.7e9 + number + 3,
        archived=True,
    )


def puts(first: int, count: int) -> Iterator[Put]:
    for number in range(first, first + count):
        run = archived(number)
        yield Put(entries.RUN, run.id, entries.encode_run(run))


def composed(home: str) -> Composition:
    return Composition(load_settings(overrides={"home": home}, environ={}))


def fill(home: str, runs: int, commits: int) -> None:
    with composed(home) as own:
        for first in range(0, runs, BATCH):
            own.datamanager.commit(list(puts(first, min(BATCH, runs - first))))
        own.datamanager.checkpoint()
        for put in puts(runs, commits):
            own.datamanager.commit([put])
        own.store.list(Selection(), 1)


def measure(home: str) -> dict[str, float]:
    """Open everything in this process and ask: seconds of each part, and of processor in all."""
    taken = {}
    used = time.process_time()
    with composed(home) as own:
        begin = time.perf_counter()
        own.datamanager.sync()
        taken["datamanager opened"] = time.perf_counter() - begin
        begin = time.perf_counter()
        own.store.list(Selection(), 20)
        taken["first listing"] = time.perf_counter() - begin
        taken["processor for both"] = time.process_time() - used
        for name, selection in SELECTIONS.items():
            begin = time.perf_counter()
            own.store.list(selection, 20)
            taken[f"listing {name}"] = time.perf_counter() - begin
    return taken


SELECTIONS = {
    "all": Selection(),
    "one group": Selection(group="/project/p7"),
    "cancelled": Selection(phase=Phase.CANCELLED),
    "failed in a group": Selection(group="/project/p7", result=Result.FAILED),
    "annotation": Selection(annotations={"branch": "b7"}),
}


def in_new_process(home: str) -> dict[str, float]:
    command = [sys.executable, os.path.abspath(__file__), "--measure", home]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return {name: float(took) for name, _, took in (line.partition("=") for line in lines)}


def report(title: str, goal: float, rounds: Sequence[dict[str, float]]) -> None:
    parts = {name: median(each[name] for each in rounds) for name in rounds[0]}
    total = parts["datamanager opened"] + parts["first listing"]
    print(f"{title}: {total:.3f} s (goal: at most {goal} s)")
    for name, took in parts.items():
        print(f"  {name:24} {took * 1e3:8.1f} ms")


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--commits", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--directory", default=".", help="where the state is kept: a real disk")
    parser.add_argument("--measure", metavar="HOME", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.measure:
        for name, took in measure(chosen.measure).items():
            print(f"{name}={took}")
        return
    with tempfile.TemporaryDirectory(dir=chosen.directory, prefix=".bench-") as home:
        fill(home, chosen.runs, chosen.commits)
        left = [in_new_process(home) for _ in range(chosen.rounds)]
        rebuilt = []
        for _ in range(chosen.rounds):
            shutil.rmtree(os.path.join(home, "index"))
            rebuilt.append(in_new_process(home))
    print(f"{chosen.runs} archived runs, {chosen.commits} commits after the checkpoint")
    report("ready with the index as it was left", GOALS["ready"], left)
    report("ready with the index rebuilt", GOALS["rebuilt"], rebuilt)


if __name__ == "__main__":
    main(sys.argv[1:])
