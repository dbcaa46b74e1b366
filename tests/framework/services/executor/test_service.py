"""A task's way through the executor, on real processes."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import pytest

from ostler.errors import Conflict, Forbidden, NotFound, Unavailable
from ostler.pods import EventCancel
from ostler.runs.config import StepConfig
from ostler.runs.model import OutputPhase, Status, StepPhase
from ostler.services.executor import log_file
from ostler.spi.executor import ContainerConfig, ExecutorDriver, PodConfig

Bench = Any


def phases(report: Any) -> list[StepPhase]:
    return [step.phase for step in report.steps]


# --- success and failure


def test_a_task_that_succeeds(bench: Bench) -> None:
    report = bench.succeed("echo one", "echo two")
    assert [bench.log(report, step) for step in (0, 1)] == ["one\n", "two\n"]
    assert [(step.phase, step.exit_code, step.log) for step in report.steps] == [
        (StepPhase.SUCCESS, 0, OutputPhase.FINISHED)
    ] * 2
    assert (report.setup.phase, report.setup.log) == (StepPhase.SUCCESS, OutputPhase.FINISHED)
    assert report.reason == ""
    times = [report.start_time, report.setup.start_time, report.setup.end_time]
    for step in report.steps:
        times += [step.start_time, step.end_time]
    times.append(report.end_time)
    assert times == sorted(times)


def test_nothing_of_a_task_is_left_when_its_end_is_acknowledged(
    bench: Bench, eventually: Any
) -> None:
    bench.succeed("echo one")
    eventually(lambda: bench.files() == [])
    assert list(bench.driver.pods()) == []


def test_a_step_that_fails_cancels_the_rest(bench: Bench) -> None:
    report = bench.run("echo fine", "exit 3", "echo never")
    assert report.status is Status.FAILED
    assert report.reason == "step 'run' failed with exit code 3"
    assert phases(report) == [StepPhase.SUCCESS, StepPhase.FAILED, StepPhase.CANCELLED]
    assert report.steps[1].exit_code == 3
    assert report.steps[2].log is OutputPhase.NOTSTARTED
    assert (report.task_id, 2) not in bench.runservice.logs


def test_a_task_without_steps_succeeds(bench: Bench) -> None:
    assert bench.succeed().steps == ()


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (StepConfig(type="nope", name="x"), "this executor knows no step type 'nope'"),
        (
            StepConfig(type="run", name="x", config={"cmd": "true"}),
            "step 'x' is not a run step",
        ),
        (
            StepConfig(type="run", name="x", config={"command": "true", "shell": "sh '"}),
            'the shell "sh \'" cannot be split',
        ),
    ],
)
def test_a_step_that_cannot_run_fails_with_the_reason_in_its_log(
    bench: Bench, step: StepConfig, message: str
) -> None:
    report = bench.run(step)
    assert (report.status, phases(report)) == (Status.FAILED, [StepPhase.FAILED])
    assert report.reason.startswith("step 'x' failed: ")
    assert message in report.reason
    assert message in bench.log(report)


def test_a_defect_in_a_step_fails_it_and_nothing_else(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(config: Any, context: Any) -> int:
        raise ZeroDivisionError("a secret detail")

    bench.add_step("broken", broken)
    bench.new_service()
    report = bench.run(StepConfig(type="broken", name="b"))
    log = bench.log(report)
    assert log.startswith("error: internal error; the executor's log has the details")
    assert "a secret detail" not in log
    number = log.split()[-1]
    assert any(number in record.getMessage() and record.exc_info for record in caplog.records)
    bench.succeed("true")


def test_a_pod_that_does_not_start_fails_the_setup(bench: Bench) -> None:
    report = bench.run("true", working_dir="/proc/nothing/here")
    assert report.status is Status.FAILED
    assert report.reason.startswith("the setup failed: ")
    assert report.setup.phase is StepPhase.FAILED
    assert phases(report) == [StepPhase.CANCELLED]
    assert "error: " in bench.log(report, None)
    assert list(bench.driver.pods()) == []


# --- environment


def test_the_later_environment_wins(bench: Bench) -> None:
    step = StepConfig(
        type="run",
        name="",
        config={
            "command": 'echo "$A $B $C $D"',
            "environment": {"D": "step"},
            "tty": False,
        },
    )
    container = ContainerConfig(environment=dict.fromkeys("ABCD", "container"))
    report = bench.succeed(
        step,
        containers=(container,),
        environment=dict.fromkeys("BCD", "task"),
        run_environment=dict.fromkeys("CD", "run"),
    )
    assert bench.log(report) == "container task run step\n"


def test_working_directories(bench: Bench) -> None:
    below = {"command": 'echo "${PWD##*/}"', "working_dir": "sub", "tty": False}
    report = bench.succeed(
        'mkdir sub; echo "${PWD#$HOME/}"', StepConfig(type="run", name="", config=below)
    )
    assert [bench.log(report, step) for step in (0, 1)] == ["project\n", "sub\n"]


def test_the_shell_ends_at_the_first_failure_unless_told_otherwise(bench: Bench) -> None:
    assert bench.run("false; echo on").status is Status.FAILED
    report = bench.succeed("false; echo on", shell="/bin/sh")
    assert bench.log(report) == "on\n"


def test_a_command_is_never_spliced(bench: Bench) -> None:
    command = "printf '%s\\n' \"'\\$HOME' \\\"x\\\" $(printf y)\""
    assert bench.log(bench.succeed(command)) == "'$HOME' \"x\" y\n"


def test_secrets_are_masked_in_every_log(bench: Bench) -> None:
    report = bench.succeed(
        'printf "%s" "$TOKEN" | sed "s/-.*//"; printf "%s\\n" "-$TOKEN-"',
        environment={"TOKEN": "first-half"},
        secrets=("first-half",),
    )
    assert bench.log(report) == "first-***-\n"


def test_secrets_are_masked_in_the_reason_too(bench: Bench) -> None:
    step = StepConfig(type="run", name="x", config={"command": "true", "shell": "hunter22 '"})
    report = bench.run(step, secrets=("hunter22",))
    assert 'the shell "*** \'" cannot be split' in report.reason


# --- stopping


def test_a_stopped_task(bench: Bench) -> None:
    bench.start()
    task = bench.task(
        "trap 'echo cleaned up; exit 7' TERM; echo ready; while :; do sleep 0.05; done",
        "echo never",
    )
    bench.runservice.give(task)
    _wait_for_log(bench, task.id, "ready")
    bench.runservice.stop(task.id)
    report = bench.runservice.end_of(task.id)
    assert (report.status, report.reason) == (Status.STOPPED, "stopped")
    assert phases(report) == [StepPhase.STOPPED, StepPhase.CANCELLED]
    # Between them the shell may say that the signal ended its `sleep`.
    lines = bench.log(report).splitlines()
    assert (lines[0], lines[-2:]) == ("ready", ["cleaned up", "stopped"])
    assert list(bench.driver.pods()) == []


def test_what_does_not_end_politely_is_killed(bench: Bench) -> None:
    bench.start(grace=0.2)
    task = bench.task("trap '' TERM; echo ready; while :; do sleep 0.05; done")
    bench.runservice.give(task)
    _wait_for_log(bench, task.id, "ready")
    bench.runservice.stop(task.id)
    assert bench.runservice.end_of(task.id).status is Status.STOPPED


def test_a_task_that_is_stopped_during_its_setup_is_stopped_not_failed(bench: Bench) -> None:
    waiting = _WaitsForCancel(bench.driver)
    bench.driver = waiting
    bench.start(limit=4)
    task = bench.task("echo never")
    bench.runservice.give(task)
    assert waiting.begun.wait(10)
    bench.runservice.stop(task.id)
    report = bench.runservice.end_of(task.id)
    assert (report.status, report.setup.phase) == (Status.STOPPED, StepPhase.STOPPED)
    assert phases(report) == [StepPhase.CANCELLED]


def test_a_timeout_counts_from_the_beginning_and_fails_the_task(bench: Bench) -> None:
    report = bench.run("echo begun; sleep 60", "echo never", timeout=0.3)
    assert (report.status, report.reason) == (Status.FAILED, "timed out after 0.3s")
    assert phases(report) == [StepPhase.FAILED, StepPhase.CANCELLED]
    assert bench.log(report) == "begun\ntimed out after 0.3s\n"


def test_a_timeout_during_the_setup(bench: Bench) -> None:
    bench.driver = _WaitsForCancel(bench.driver)
    bench.start(limit=4)
    report = bench.run("echo never", timeout=0.05)
    assert (report.status, report.reason) == (Status.FAILED, "timed out after 0.05s")
    assert report.setup.phase is StepPhase.FAILED


def test_a_stop_after_the_end_changes_nothing(bench: Bench) -> None:
    report = bench.succeed("true")
    bench.runservice.stop(report.task_id)
    bench.runservice.wait_called("poll", 2)
    assert bench.runservice.end_of(report.task_id) == report


# --- reports


@pytest.fixture
def only_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is, no task lasts long enough to be reported as running."""
    monkeypatch.setattr("ostler.services.executor.outbox._PATIENCE", 3600.0)


@pytest.mark.usefixtures("only_ends")
def test_logs_are_stored_and_the_pod_is_gone_before_the_end_is_reported(bench: Bench) -> None:
    pods: list[int] = []
    bench.runservice.on_report = lambda: pods.append(len(bench.driver.pods()))
    bench.succeed("true")
    assert pods == [0]
    calls = bench.runservice.calls
    assert calls.index("report") > max(at for at, name in enumerate(calls) if name == "put_log")


@pytest.mark.usefixtures("only_ends")
def test_a_quick_task_costs_one_report_and_tells_the_listener_everything(bench: Bench) -> None:
    report = bench.succeed("true")
    assert [len(batch) for batch in bench.runservice.batches] == [1]
    seen = [state for state in bench.states if state.task_id == report.task_id]
    assert [state.status for state in seen[:-1]] == [Status.RUNNING] * (len(seen) - 1)
    assert seen[-1] == report
    assert seen[0].setup.phase is StepPhase.RUNNING


def test_a_slow_task_is_reported_as_running(bench: Bench) -> None:
    bench.start()
    task = bench.task("sleep 60")
    runservice = bench.runservice
    runservice.give(task)
    runservice.wait_for(lambda: task.id in runservice.states)
    state = runservice.states[task.id]
    assert (state.status, phases(state)) == (Status.RUNNING, [StepPhase.RUNNING])
    assert state.end_time is None
    runservice.stop(task.id)
    assert runservice.end_of(task.id).status is Status.STOPPED


def test_a_listener_that_fails_does_no_harm(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    def fail(report: Any) -> None:
        raise ZeroDivisionError

    bench.listener = fail
    bench.new_service()
    bench.succeed("true")
    assert {record.getMessage() for record in caplog.records} == {
        "a listener failed, and missed a state of a task"
    }


@pytest.mark.usefixtures("only_ends")
def test_states_that_gather_during_a_call_go_out_together(bench: Bench) -> None:
    go_on = threading.Event()
    bench.runservice.on_report = lambda: go_on.wait(10)
    bench.start()
    first, *rest = [bench.task("true") for _ in range(5)]
    bench.runservice.give(first)
    bench.runservice.wait_called("report")
    bench.runservice.give(*rest)
    ended = {task.id for task in rest}
    bench.eventually(
        lambda: ended <= {state.task_id for state in bench.states if state.status.final}
    )
    go_on.set()
    for task in rest:
        bench.runservice.end_of(task.id)
    assert [len(batch) for batch in bench.runservice.batches] == [1, 4]


@pytest.mark.usefixtures("only_ends")
def test_an_end_is_sent_until_it_is_acknowledged(bench: Bench, unavailable: Any) -> None:
    bench.runservice.fail["report"] = [unavailable, unavailable, ZeroDivisionError()]
    bench.succeed("true")
    assert bench.runservice.calls.count("report") == 4


@pytest.mark.usefixtures("only_ends")
def test_a_report_that_is_refused_does_not_hold_up_the_others(
    bench: Bench, eventually: Any
) -> None:
    bench.runservice.fail["report"] = [Conflict("it is over")]
    bench.run_without_end("true")
    eventually(lambda: "report" in bench.runservice.calls and bench.files() == [])
    bench.succeed("true")


def test_an_end_is_reported_only_when_its_logs_are_stored(bench: Bench, unavailable: Any) -> None:
    bench.runservice.fail["put_log"] = [unavailable] * 3
    report = bench.succeed("echo kept")
    assert bench.log(report) == "kept\n"
    assert report.steps[0].log is OutputPhase.FINISHED


def test_a_log_that_can_never_be_stored_fails_the_task(bench: Bench) -> None:
    bench.runservice.fail["put_log"] = [Forbidden("no right to write logs")]
    report = bench.run("true")
    assert report.status is Status.FAILED
    assert report.reason == "the log of the setup cannot be stored: no right to write logs"
    assert report.setup.log is OutputPhase.NOTSTARTED
    assert report.steps[0].log is OutputPhase.FINISHED


# --- several lives


def test_what_was_not_handed_in_is_handed_in_by_the_next_life(
    bench: Bench, unavailable: Any, eventually: Any
) -> None:
    bench.runservice.always["put_log"] = unavailable
    service = bench.start()
    task = bench.task(
        "echo kept", StepConfig(type="save_to_workspace", name="", config=SAVE, archives=True)
    )
    bench.runservice.give(task)
    eventually(lambda: f"{task.id}.outcome.json" in bench.files())
    service.close(0.1)
    del bench.runservice.always["put_log"]
    bench.start(limit=4)
    report = bench.runservice.end_of(task.id)
    assert report.status is Status.SUCCESS
    assert bench.log(report) == "kept\n"
    assert (task.id, 1) in bench.runservice.archives
    assert report.steps[1].archive is OutputPhase.FINISHED
    assert [status.tasks for status in bench.runservice.registered if status.tasks is not None] == [
        (),
        (task.id,),
    ]
    eventually(lambda: bench.files() == [])


@pytest.mark.usefixtures("only_ends")
def test_an_end_that_is_not_acknowledged_is_sent_by_the_next_life(
    bench: Bench, unavailable: Any
) -> None:
    bench.runservice.always["report"] = unavailable
    service = bench.start()
    task = bench.task("echo once")
    bench.runservice.give(task)
    bench.runservice.wait_called("report")
    service.close(0.1)
    del bench.runservice.always["report"]
    bench.start(limit=4)
    assert bench.runservice.end_of(task.id).status is Status.SUCCESS
    assert bench.runservice.calls.count("put_log") == 2


def test_a_task_that_runs_when_the_executor_ends_has_failed(bench: Bench) -> None:
    service = bench.start()
    task = bench.task("echo ready; sleep 60")
    bench.runservice.give(task)
    _wait_for_log(bench, task.id, "ready")
    service.close(5)
    report = bench.runservice.states[task.id]
    assert (report.status, report.reason) == (Status.FAILED, "the executor was shut down")
    assert phases(report) == [StepPhase.STOPPED]


def test_closing_kills_what_does_not_end(bench: Bench) -> None:
    service = bench.start(grace=60)
    task = bench.task("trap '' TERM; echo ready; while :; do sleep 0.05; done")
    bench.runservice.give(task)
    _wait_for_log(bench, task.id, "ready")
    service.close(0.2)
    service.close(0.2)
    assert bench.runservice.states[task.id].status is Status.FAILED
    assert list(bench.driver.pods()) == []


def test_an_end_that_cannot_be_kept_on_the_disk_is_sent_all_the_same(
    bench: Bench, unavailable: Any, caplog: pytest.LogCaptureFixture
) -> None:
    bench.runservice.fail["put_log"] = [unavailable]
    bench.start()
    task = bench.task("true")
    (bench.directory / "tasks" / f"{task.id}.outcome.json.new").mkdir()
    bench.runservice.give(task)
    assert bench.runservice.end_of(task.id).status is Status.SUCCESS
    assert f"the end of task {task.id} is kept in memory only" in caplog.text


# --- the runservice


def test_a_task_that_is_told_twice_runs_once(bench: Bench) -> None:
    bench.start()
    task = bench.task("true")
    bench.runservice.give(task, task)
    bench.runservice.end_of(task.id)
    assert bench.runservice.calls.count("put_log") == 2


@pytest.mark.parametrize("error", [Unavailable("away"), NotFound("who are you?"), KeyError("x")])
def test_asking_for_work_goes_on_after_an_error(bench: Bench, error: Exception) -> None:
    bench.runservice.fail["poll"] = [error, error]
    bench.succeed("true")


def test_no_more_tasks_run_at_once_than_the_limit(bench: Bench) -> None:
    bench.start(limit=1)
    tasks = [bench.task("true") for _ in range(5)]
    bench.runservice.give(*tasks)
    reports = [bench.runservice.end_of(task.id) for task in tasks]
    for before, after in itertools.pairwise(reports):
        assert before.end_time <= after.start_time


def test_draining_is_said_to_the_runservice(bench: Bench) -> None:
    service = bench.start()
    service.drain()
    assert [status.draining for status in bench.runservice.registered] == [False, True]
    assert bench.runservice.registered[-1].siblings == ("executor-1",)


def test_pods_of_an_earlier_life_are_removed_at_the_start(bench: Bench) -> None:
    bench.driver.new_pod(PodConfig(id="old", task_id="old"), _Null(), EventCancel())
    bench.start()
    assert list(bench.driver.pods()) == []


SAVE = {"contents": [{"source_dir": "..", "paths": ["project"]}]}


class _Null:
    def write(self, data: bytes, /) -> None:
        pass

    def descriptor(self) -> None:
        return None


class _WaitsForCancel:
    """A driver whose pods do not start before somebody cancels that."""

    def __init__(self, driver: ExecutorDriver) -> None:
        self._driver = driver
        self.begun = threading.Event()

    def new_pod(self, config: Any, log: Any, cancel: Any) -> Any:
        self.begun.set()
        assert cancel.wait(10)
        raise Conflict("cancelled", code="cancelled")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)


def _wait_for_log(bench: Bench, task_id: str, text: str) -> None:
    path = log_file(bench.directory, task_id, 0)
    bench.eventually(lambda: path.exists() and text in path.read_text())
