from __future__ import annotations

import io
from dataclasses import replace
from typing import BinaryIO

from rich.cells import cell_len
from rich.console import Console

from ostler.cli._live import LiveProgress
from ostler.clock import SystemClock
from ostler.runs.config import RunConfig, StepConfig, TaskConfig
from ostler.runs.model import Phase, Result, Run, Status, Step, StepPhase, Task
from ostler.runs.reports import TaskReport


def last_frame(
    run: Run,
    config: RunConfig,
    *reports: TaskReport,
    logs: dict[tuple[str, int], bytes] | None = None,
    width: int = 60,
) -> list[str]:
    def opener(task_id: str, step: int) -> BinaryIO | None:
        kept = (logs or {}).get((task_id, step))
        return None if kept is None else io.BytesIO(kept)

    file = io.StringIO()
    console = Console(file=file, force_terminal=True, color_system=None, width=width, height=30)
    progress = LiveProgress(console, SystemClock(), opener)
    progress.start()
    progress.add(run, config)
    for report in reports:
        progress.task_moved(report)
    progress.close()
    whole = file.getvalue()
    return whole[whole.rindex(run.name) :].replace("\x1b[?25h", "").rstrip().splitlines()


def config_of(*names: str, step: str = "make") -> RunConfig:
    tasks = {
        name: TaskConfig(id=name, name=name, steps=(StepConfig(type="run", name=step),))
        for name in names
    }
    return RunConfig(id="c", name="build", tasks=tasks)


def run_of(*tasks: Task) -> Run:
    return Run(
        id="01run",
        config_id="c",
        name="build",
        counter=3,
        phase=Phase.FINISHED,
        result=Result.FAILED,
        start_time=100.0,
        end_time=161.0,
        tasks={task.id: task for task in tasks},
    )


def test_a_row_per_task_in_columns() -> None:
    frame = last_frame(
        run_of(
            Task(id="lint", status=Status.SUCCESS, start_time=1.0, end_time=2.5),
            Task(id="unit tests", status=Status.FAILED, reason="no", start_time=1.0, end_time=3.0),
            Task(id="publish", waiting_approval=True),
            Task(id="later"),
            Task(id="left out", status=Status.SKIPPED, reason="its `when` does not match"),
        ),
        config_of("lint", "unit tests", "publish", "later", "left out"),
        width=90,
    )
    assert [line.rstrip() for line in frame] == [
        "build #3  failed  1 min 01 s",
        "├── ✓ lint        1.5 s",
        "├── ✗ unit tests  2.0 s  failed: no",
        "├── · publish            waits for approval: ostler approve 01run publish",
        "├── · later",
        "└── - left out           skipped: its `when` does not match",
    ]


RUNNING = Task(id="t", status=Status.RUNNING, start_time=1.0, end_time=2.0)


def report(*phases: StepPhase) -> TaskReport:
    return TaskReport(
        task_id="t",
        status=Status.RUNNING,
        setup=Step(phase=StepPhase.SUCCESS),
        steps=tuple(Step(phase=phase) for phase in phases),
    )


def test_what_a_running_task_does_and_last_said() -> None:
    config = config_of("t")
    (_, row) = last_frame(run_of(RUNNING), config)
    assert row.endswith("t  1.0 s  setting up")
    said = b"at 1%\rat 2%\x1b[31m now"
    (_, row) = last_frame(run_of(RUNNING), config, report(StepPhase.RUNNING), logs={("t", 0): said})
    assert row.endswith("t  1.0 s  make: at 2% now")
    (_, row) = last_frame(run_of(RUNNING), config, report(StepPhase.RUNNING))
    assert row.endswith("t  1.0 s  make")


def test_the_last_line_of_an_earlier_step_is_not_that_of_the_present_one() -> None:
    task = TaskConfig(
        id="t",
        name="t",
        steps=(StepConfig(type="run", name="one"), StepConfig(type="run", name="two")),
    )
    config = RunConfig(id="c", name="build", tasks={"t": task})
    both = report(StepPhase.SUCCESS, StepPhase.RUNNING)
    (_, row) = last_frame(run_of(RUNNING), config, both, logs={("t", 0): b"of the first\n"})
    assert row.endswith("two")


def test_no_row_is_wider_than_the_screen_whatever_it_holds() -> None:
    name = "long " * 19 + "name"
    (_, row) = last_frame(
        run_of(replace(RUNNING, id=name)),
        config_of(name, step="step " * 30),
        replace(report(StepPhase.RUNNING), task_id=name),
        logs={(name, 0): "漢字".encode() * 5000},
        width=50,
    )
    assert "…" in row
    assert cell_len(row) <= 47


def test_of_many_tasks_those_that_went_wrong_and_the_counts() -> None:
    names = [f"t{number:02}" for number in range(60)]
    tasks = [Task(id=name, status=Status.SUCCESS) for name in names]
    tasks[7] = replace(tasks[7], status=Status.FAILED, reason="no")
    _title, row, counts = last_frame(run_of(*tasks), config_of(*names))
    assert "t07" in row
    assert counts == "└── 1 failed, 59 success"
