"""CPU that it takes to schedule 10,000 tasks over a whole run, as a chain, a fan-out, and a fan-out with a join.

Everything that is pure: reports, `advance`, choosing an executor; each task is reported twice, one
report at a time. At most 0.5 ms per task, of which the services around it need their share.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator

from ostler.runs import actions
from ostler.runs.advance import Advance, advance
from ostler.runs.config import Dependency, RunConfig, TaskConfig
from ostler.runs.creation import new_run
from ostler.runs.model import ExecutorTaskRef, Phase, Result, Run, Status, Step, StepPhase
from ostler.runs.placement import Candidate, choose
from ostler.runs.reports import TaskReport, apply_report

GOAL = 0.5e-3
SLOTS = 8


def chain(size: int) -> RunConfig:
    """Each task depends on the one before it."""
    return _config([(level, [level - 1] if level else []) for level in range(size)])


def fan_out(size: int) -> RunConfig:
    """All tasks but the first depend on the first."""
    return _config([(0, []), *((1, [0]) for _ in range(size - 1))])


def fan_in(size: int) -> RunConfig:
    """A fan-out, and a last task that depends on all the others."""
    middle = [(1, [0]) for _ in range(size - 2)]
    return _config([(0, []), *middle, (2, list(range(1, size - 1)))])


SHAPES: dict[str, Callable[[int], RunConfig]] = {
    "chain": chain,
    "fan-out": fan_out,
    "fan-out and join": fan_in,
}


def _config(tasks: list[tuple[int, list[int]]]) -> RunConfig:
    made = [
        TaskConfig(
            id=f"id{number}",
            name=f"task {number:06}",
            level=level,
            depends=tuple(Dependency(f"id{parent}") for parent in parents),
        )
        for number, (level, parents) in enumerate(tasks)
    ]
    return RunConfig(id="config", name="bench", tasks={task.id: task for task in made})


class Simulation:
    """A run on one executor whose tasks take no time: assigned, reported running, reported done."""

    def __init__(self, config: RunConfig) -> None:
        self.config = config
        self.run = actions.start(new_run(config, run_id="run", group="/bench/x"), 0)
        self._active: dict[str, ExecutorTaskRef] = {}
        self._waiting: deque[str] = deque()
        self._last = Advance(run=self.run)

    def simulate(self) -> Run:
        """Go on until the run is over; return it."""
        self._advance(None)
        while self.run.phase is Phase.RUNNING:
            for task_id in list(self._assigned()):
                self._report(task_id, Status.RUNNING, StepPhase.RUNNING)
            task_id = next(iter(self._active))
            del self._active[task_id]
            self._report(task_id, Status.SUCCESS, StepPhase.SUCCESS)
        return self.run

    def _assigned(self) -> Iterator[str]:
        while self._waiting and self._place(self._waiting[0]):
            task_id = self._waiting.popleft()
            self._active[task_id] = ExecutorTaskRef(task_id)
            yield task_id

    def _place(self, task_id: str) -> bool:
        executor = Candidate(
            id="here", archs=("amd64",), limit=SLOTS, active=len(self._active), last_seen=0
        )
        return choose(self.config.tasks[task_id], [executor], now=0).executor_id is not None

    def _report(self, task_id: str, status: Status, phase: StepPhase) -> None:
        report = TaskReport(task_id=task_id, status=status, setup=Step(phase=phase), steps=())
        self.run, _ = apply_report(self.run, report)
        self._advance([task_id])

    def _advance(self, changed: list[str] | None) -> None:
        self._last = advance(
            self.run, self.config, self._active, now=0, changed=changed, mark=self._last.mark
        )
        self.run = self._last.run
        self._waiting.extend(self._last.to_submit)


def cpu_per_task(config: RunConfig) -> float:
    """Return the seconds of CPU per task that a whole run takes."""
    began = time.process_time()
    run = Simulation(config).simulate()
    took = time.process_time() - began
    if run.result is not Result.SUCCESS:
        raise SystemExit(f"the run ended as {run.result.value}")
    return took / len(config.tasks)


def main() -> int:
    """Print a line per shape; return 1 when one misses the goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=10_000)
    size = parser.parse_args().tasks
    missed = False
    for name, shape in SHAPES.items():
        seconds = cpu_per_task(shape(size))
        missed |= seconds > GOAL
        verdict = "ok" if seconds <= GOAL else "MISSED"
        print(
            f"{name}, {size} tasks: {seconds * 1e3:.3f} ms of CPU per task (goal <= {GOAL * 1e3:g}) {verdict}"
        )
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
