from __future__ import annotations

import pytest

from ostler.runs.config import StepConfig, TaskConfig
from ostler.runs.model import OutputPhase, Status, StepPhase
from ostler.services.executor.progress import Progress
from ostler.services.executor.task import timed_out


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (600, "timed out after 10m"),
        (90.0, "timed out after 1m30s"),
        (3601, "timed out after 1h1s"),
        (7200, "timed out after 2h"),
        (0.5, "timed out after 0.5s"),
        (1.25, "timed out after 1.25s"),
    ],
)
def test_a_timeout_is_said_as_it_is_written(seconds: float, expected: str) -> None:
    assert timed_out(seconds).reason == expected


@pytest.fixture
def progress() -> Progress:
    steps = (StepConfig(type="run", name="a"), StepConfig(type="save", name="b", archives=True))
    made = Progress(TaskConfig(id="t", name="t", steps=steps))
    made.begin(1.0)
    made.end_step(None, StepPhase.SUCCESS, 2.0)
    made.begin_step(1, 3.0)
    made.end_step(1, StepPhase.SUCCESS, 4.0, 0)
    made.end(Status.SUCCESS, "", 5.0)
    return made


def test_a_task_has_not_ended_while_its_outputs_are_on_their_way(progress: Progress) -> None:
    assert (progress.report().status, progress.report().end_time) == (Status.RUNNING, None)
    final = progress.final_report()
    assert (final.status, final.end_time) == (Status.SUCCESS, 5.0)


def test_storing_an_output_changes_nothing_else(progress: Progress) -> None:
    before = progress.step(1)
    progress.archive_stored(1)
    progress.log_stored(1)
    progress.log_stored(None)
    after = progress.step(1)
    assert (after.log, after.archive) == (OutputPhase.FINISHED, OutputPhase.FINISHED)
    assert (after.phase, after.start_time, after.end_time, after.exit_code) == (
        before.phase,
        before.start_time,
        before.end_time,
        before.exit_code,
    )
    assert progress.setup.log is OutputPhase.FINISHED


def test_what_did_not_begin_is_cancelled(progress: Progress) -> None:
    assert progress.step(0).phase is StepPhase.CANCELLED


def test_the_first_reason_of_a_failure_stays(progress: Progress) -> None:
    progress.fail("first")
    progress.fail("second")
    assert (progress.status, progress.reason) == (Status.FAILED, "first")


def test_a_report_can_be_taken_up_again(progress: Progress) -> None:
    assert Progress.of(progress.final_report()).final_report() == progress.final_report()
