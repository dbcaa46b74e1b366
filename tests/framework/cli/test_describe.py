from __future__ import annotations

import pytest

from ostler.cli._describe import command, duration, outcome
from ostler.runs.config import StepConfig, TaskConfig
from ostler.runs.model import Status, Step, Task

CONFIG = TaskConfig(id="t", name="t", steps=(StepConfig(type="run", name="make"),))


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (None, 5.0, ""),
        (5.0, None, ""),
        (1.0, 1.04, "0.0 s"),
        (9.0, 8.0, "0.0 s"),
        (0.0, 59.94, "59.9 s"),
        (0.0, 60.0, "1 min 00 s"),
        (0.0, 3599.0, "59 min 59 s"),
        (0.0, 3600.0, "1 h 00 min"),
        (0.0, 90061.0, "25 h 01 min"),
    ],
)
def test_duration(start: float | None, end: float | None, expected: str) -> None:
    assert duration(start, end) == expected


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        (Task(id="t", status=Status.SUCCESS), "success"),
        (Task(id="t", status=Status.SKIPPED, reason="its `when` …"), "skipped: its `when` …"),
        (Task(id="t", status=Status.STOPPED, reason="stopped"), "stopped"),
        (
            Task(id="t", status=Status.FAILED, steps=(Step(exit_code=2),)),
            "failed: step 'make' ended with exit code 2",
        ),
        (Task(id="t", waiting_approval=True), "waits for approval"),
        (
            Task(id="t", waiting_approval=True, annotations={"approvers": '["ann", "bo"]'}),
            "waits for approval, so far by ann, bo",
        ),
    ],
)
def test_outcome(task: Task, expected: str) -> None:
    assert outcome(task, CONFIG) == expected


def test_a_command_can_be_pasted_into_a_shell() -> None:
    assert command("logs", "01a", "it's here") == """ostler logs 01a 'it'"'"'s here'"""
