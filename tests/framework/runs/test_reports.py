from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostler.errors import NotFound
from ostler.runs.config import StepConfig
from ostler.runs.model import OutputPhase, Run, Status, Step, StepPhase, Task
from ostler.runs.reports import TaskReport, apply_report

from .strategies import graph, started, task

FINAL = [one for one in Status if one.final]
DONE, OPEN = OutputPhase.FINISHED, OutputPhase.NOTSTARTED
RAN = Step(phase=StepPhase.SUCCESS, start_time=1.0, end_time=2.0, exit_code=0)


def run_of(state: Task) -> Run:
    steps = (StepConfig(type="run", name=""), StepConfig(type="save", name="", archives=True))
    return replace(started(graph(task("a", steps=steps))), tasks={"a": state})


def report(status: Status, *steps: Step, **options: object) -> TaskReport:
    made = TaskReport(task_id="a", status=status, setup=Step(), steps=steps)
    return replace(made, **options)


def test_a_report_replaces_what_was_known() -> None:
    run = run_of(Task(id="a", annotations={"k": "v"}, reason="2 executors full"))
    running = report(Status.RUNNING, Step(phase=StepPhase.RUNNING), start_time=1.0)
    run, applied = apply_report(run, running)
    assert applied
    run, applied = apply_report(
        run, report(Status.FAILED, RAN, start_time=1.0, end_time=3.0, reason="exit code 1")
    )
    assert applied
    assert run.tasks["a"] == Task(
        id="a",
        status=Status.FAILED,
        annotations={"k": "v"},
        steps=(RAN,),
        start_time=1.0,
        end_time=3.0,
        reason="exit code 1",
    )


@pytest.mark.parametrize("status", [Status.SUCCESS, Status.FAILED, Status.STOPPED])
def test_a_lost_running_report_does_not_matter(status: Status) -> None:
    run, applied = apply_report(run_of(Task(id="a")), report(status))
    assert (run.tasks["a"].status, applied) == (status, True)


def test_a_running_task_does_not_go_back() -> None:
    before = run_of(Task(id="a", status=Status.RUNNING, start_time=1.0))
    assert apply_report(before, report(Status.NOTSTARTED)) == (before, False)


@pytest.mark.parametrize("status", FINAL)
@pytest.mark.parametrize("late", Status)
def test_a_final_task_does_not_move(status: Status, late: Status) -> None:
    before = run_of(Task(id="a", status=status, end_time=5.0, reason="why"))
    assert apply_report(before, report(late, end_time=9.0, reason="other")) == (before, False)


def test_the_same_report_again_brings_nothing_new() -> None:
    final = report(Status.SUCCESS, RAN, start_time=1.0, end_time=2.0)
    run, _ = apply_report(run_of(Task(id="a")), final)
    assert apply_report(run, final) == (run, False)


def test_logs_and_archives_of_a_final_task_may_still_arrive() -> None:
    step = replace(RAN, archive=OPEN)
    run, _ = apply_report(run_of(Task(id="a")), report(Status.SUCCESS, step))
    assert not run.tasks["a"].archived
    stored = replace(step, log=DONE, archive=DONE)
    run, applied = apply_report(run, report(Status.SUCCESS, stored))
    assert applied
    assert run.tasks["a"].steps == (stored,)
    assert run.tasks["a"].archived


def test_logs_and_archives_do_not_go_back() -> None:
    stored = replace(RAN, log=DONE, archive=DONE)
    state = Task(id="a", status=Status.RUNNING, setup=Step(log=DONE), steps=(stored,))
    run, applied = apply_report(
        run_of(state), report(Status.RUNNING, replace(RAN, exit_code=3, archive=OPEN))
    )
    assert applied
    assert run.tasks["a"].setup == Step(log=DONE)
    assert run.tasks["a"].steps == (replace(stored, exit_code=3),)


def test_a_report_that_knows_fewer_steps_forgets_none() -> None:
    state = Task(id="a", status=Status.RUNNING, steps=(RAN, Step(archive=OPEN)))
    run, _ = apply_report(run_of(state), report(Status.FAILED))
    assert run.tasks["a"].steps == state.steps


def test_a_report_of_an_unknown_task_is_an_error_that_names_it() -> None:
    with pytest.raises(NotFound, match="run run has no task b, which"):
        apply_report(run_of(Task(id="a")), replace(report(Status.RUNNING), task_id="b"))


steps = st.builds(
    Step,
    phase=st.sampled_from(StepPhase),
    log=st.sampled_from(OutputPhase),
    archive=st.sampled_from(OutputPhase),
)
reports = st.builds(
    TaskReport,
    task_id=st.just("a"),
    status=st.sampled_from(Status),
    setup=steps,
    steps=st.tuples(steps, steps),
)


@given(st.lists(reports, max_size=6))
def test_nothing_ever_goes_back(sent: list[TaskReport]) -> None:
    run = run_of(Task(id="a"))
    for one in sent:
        before = run.tasks["a"]
        run, applied = apply_report(run, one)
        after = run.tasks["a"]
        assert applied == (after != before)
        assert after.status is before.status or not before.status.final
        assert after.status is not Status.NOTSTARTED or before.status is Status.NOTSTARTED
        for old, new in zip(
            (before.setup, *before.steps), (after.setup, *after.steps), strict=False
        ):
            assert old.log is not DONE or new.log is DONE
            assert old.archive is not DONE or new.archive is DONE
