"""`advance` on 10,000 tasks: told what changed it takes microseconds, looking at everything milliseconds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ostler.runs import actions
from ostler.runs.advance import advance
from ostler.runs.creation import new_run
from ostler.runs.model import Result, Run, Status

from .scheduling import SHAPES, Simulation, chain

SIZE = 10_000


def half_done(size: int) -> Run:
    config = chain(size)
    run = actions.start(new_run(config, run_id="run", group="/bench/x"), 0)
    done = {f"id{number}" for number in range(size // 2)}
    tasks = {
        task_id: replace(task, status=Status.SUCCESS) if task_id in done else task
        for task_id, task in run.tasks.items()
    }
    return replace(run, tasks=tasks)


@pytest.mark.parametrize("told", [True, False], ids=["told", "everything"])
def test_one_call(benchmark, told: bool) -> None:
    config, run = chain(SIZE), half_done(SIZE)
    first = advance(run, config, {}, now=0)
    changed = [f"id{SIZE // 2 - 1}"] if told else None
    moved = benchmark(advance, run, config, {}, now=0, changed=changed, mark=first.mark)
    assert moved.to_submit == (f"id{SIZE // 2}",)
    if benchmark.stats:
        assert benchmark.stats["median"] < (0.2e-3 if told else 100e-3)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_whole_run(benchmark, shape: str) -> None:
    config = SHAPES[shape](1000)
    run = benchmark(lambda: Simulation(config).simulate())
    assert run.result is Result.SUCCESS
    if benchmark.stats:
        per_task = benchmark.stats["median"] / len(config.tasks)
        benchmark.extra_info["us per task"] = round(per_task * 1e6)
        assert per_task < 0.5e-3
