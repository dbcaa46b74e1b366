"""Whole runs, against bare processes in the same minutes: rate of tasks, latency of a chain, output.

python bench/runs.py tasks|chain|output|scheduling
"""

from __future__ import annotations

import argparse
import concurrent.futures
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from statistics import median

from ostler.clock import SystemClock
from ostler.compose import Composition, Embedded
from ostler.runs.config import Dependency, RunConfig, StepConfig, TaskConfig
from ostler.runs.creation import new_run
from ostler.runs.model import Result, Run
from ostler.settings import load_settings

CLOCK = SystemClock()
TRUE = ["/bin/sh", "-c", "true"]


def step(command: str, *, tty: bool) -> StepConfig:
    return StepConfig(type="run", name="run", config={"command": command, "tty": tty})


def independent(count: int, command: str = "true", *, tty: bool = True) -> RunConfig:
    steps = (step(command, tty=tty),)
    tasks = [TaskConfig(id=CLOCK.new_id(), name=f"t{n}", steps=steps) for n in range(count)]
    return RunConfig(id=CLOCK.new_id(), name="bench", tasks={task.id: task for task in tasks})


def chain(count: int, *, tty: bool = True) -> RunConfig:
    tasks: list[TaskConfig] = []
    for level in range(count):
        depends = (Dependency(tasks[-1].id),) if tasks else ()
        tasks.append(
            TaskConfig(
                id=CLOCK.new_id(),
                name=f"t{level}",
                level=level,
                depends=depends,
                steps=(step("true", tty=tty),),
            )
        )
    return RunConfig(id=CLOCK.new_id(), name="bench", tasks={task.id: task for task in tasks})


class Bench:
    """A composition on the disk, with nothing shown."""

    def __init__(self, home: str, jobs: int) -> None:
        settings = load_settings(overrides={"home": home, "jobs": jobs}, environ={})
        self.composition = Composition(settings)
        self._ended = threading.Event()
        self._last: Run | None = None
        self._expected = ""
        policies = self.composition.policies(watch=self._watch)
        self.embedded = Embedded(self.composition, policies)
        self.embedded.__enter__()

    def run(self, config: RunConfig) -> float:
        """Return the seconds from creating the run to its end, everything durable."""
        self._ended.clear()
        begin = time.perf_counter()
        run = new_run(config, run_id=CLOCK.new_id(), group="/project/bench/run/bench")
        self._expected = run.id
        self.composition.creation.add(config, run, self.embedded.instance.id)
        self.embedded.runservice.adopt(run.id)
        self._ended.wait()
        took = time.perf_counter() - begin
        assert self._last is not None
        assert self._last.result is Result.SUCCESS, self._last
        return took

    def close(self) -> None:
        self.embedded.__exit__(None, None, None)
        self.composition.close()

    def _watch(self, run: Run, _changed: frozenset[str]) -> None:
        if run.phase.final and run.id == self._expected:
            self._last = run
            self._ended.set()


def processes(count: int, threads: int) -> float:
    """Return the seconds that bare processes take."""
    begin = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda _: subprocess.run(TRUE, check=True), range(count)))
    return time.perf_counter() - begin


def interleave(rounds: int, *sides: Callable[[], float]) -> list[float]:
    """Return each side's median, the sides taken in turn."""
    for side in sides:
        side()
    taken = [[side() for side in sides] for _ in range(rounds)]
    return [median(column) for column in zip(*taken, strict=True)]


def bench_tasks(home: str, rounds: int, count: int = 500) -> None:
    bench = Bench(home, 8)
    bare, piped, tty = interleave(
        rounds,
        lambda: processes(count, 8),
        lambda: bench.run(independent(count, tty=False)),
        lambda: bench.run(independent(count, tty=True)),
    )
    bench.close()
    print(f"{count} independent tasks, 8 at a time, durable state on disk (goal: at least 0.5)")
    print(f"  bare processes      {count / bare:8.0f} /s")
    for name, took in (("tty: false", piped), ("tty: true", tty)):
        print(f"  ostler, {name:11} {count / took:8.0f} /s   ratio {bare / took:.2f}")


def bench_chain(home: str, rounds: int, count: int = 500) -> None:
    bench = Bench(home, 8)
    bare, ours = interleave(rounds, lambda: processes(count, 1), lambda: bench.run(chain(count)))
    bench.close()
    print(f"{count} tasks in a chain (goal: at most 10 ms per task above the bare process)")
    print(f"  bare processes {bare / count * 1e3:6.2f} ms per task")
    print(
        f"  ostler         {ours / count * 1e3:6.2f} ms per task, {(ours - bare) / count * 1e3:.2f} above"
    )


def bench_output(home: str, _rounds: int, size: int = 1 << 30) -> None:
    """A step that prints: in this process, so that its memory can be told."""
    command = f"yes '{'x' * 99}' | head -c {size}"
    for tty, secrets in ((False, ()), (False, ("not-in-there",)), (True, ())):
        bench = Bench(home, 1)
        config = independent(1, command, tty=tty)
        (task,) = config.tasks.values()
        if secrets:
            from dataclasses import replace

            masked = replace(task, secrets=secrets)
            config = replace(config, tasks={task.id: masked})
        bench.run(independent(1))
        before = _peak()
        took = bench.run(config)
        stored = bench.composition.ost.stat(f"logs/{task.id}/data/steps/0.log").size
        print(
            f"1 GiB of output, tty: {str(tty).lower()}, {'masked' if secrets else 'no secrets'}: "
            f"{stored / took / 1e6:.0f} MB/s (goal: at least 100), "
            f"{(_peak() - before) / 1024:.0f} MiB above idle (goal: 64), "
            f"log {'whole' if stored == size else f'SHORT: {stored} of {size}'}"
        )
        bench.close()


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def bench_scheduling(home: str, _rounds: int, count: int = 10_000) -> None:
    """CPU of the thread that schedules, over whole runs whose tasks do nothing."""
    for name, make in (("chain", chain), ("fan-out", independent)):
        config = _without_steps(make(count))
        bench = Bench(home, 8)
        bench.run(_without_steps(independent(10)))
        (thread,) = [item for item in threading.enumerate() if item.name == "runservice"]
        assert thread.ident is not None
        clock = time.pthread_getcpuclockid(thread.ident)
        before = time.clock_gettime(clock)
        took = bench.run(config)
        used = time.clock_gettime(clock) - before
        print(
            f"{count} tasks as a {name}: {used / count * 1e3:.3f} ms of scheduling CPU per task "
            f"(goal: at most 0.5), {count / took:.0f} tasks/s"
        )
        bench.close()


def _without_steps(config: RunConfig) -> RunConfig:
    from dataclasses import replace

    return replace(config, tasks={key: replace(t, steps=()) for key, t in config.tasks.items()})


BENCHES = {
    "tasks": bench_tasks,
    "chain": bench_chain,
    "output": bench_output,
    "scheduling": bench_scheduling,
}


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bench", choices=[*BENCHES, "all"], nargs="?", default="all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--directory", default=".", help="where the state is kept: a real disk")
    chosen = parser.parse_args(arguments)
    for name, bench in BENCHES.items():
        if chosen.bench in (name, "all"):
            with tempfile.TemporaryDirectory(dir=chosen.directory, prefix=".bench-") as home:
                bench(os.path.join(home, "home"), chosen.rounds)


if __name__ == "__main__":
    main(sys.argv[1:])
