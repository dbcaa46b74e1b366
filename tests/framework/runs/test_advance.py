from collections.abc import Collection, Mapping
from dataclasses import replace

import pytest

from ostler.runs import actions
from ostler.runs.advance import Advance, Mark, advance
from ostler.runs.config import Condition, RunConfig, StepConfig
from ostler.runs.creation import new_run
from ostler.runs.model import (
    ExecutorTaskRef,
    OutputPhase,
    Phase,
    Result,
    Run,
    Status,
    Step,
    StepPhase,
    Task,
)

from .strategies import graph, started, task

NOW = 50.0
SAVE = StepConfig(type="save_to_workspace", name="save", archives=True)


def put(run: Run, **statuses: Status) -> Run:
    """The run after tasks came to these statuses."""
    changed = {name: replace(run.tasks[name], status=status) for name, status in statuses.items()}
    return replace(run, tasks={**run.tasks, **changed})


def refs(*active: str, finished: Collection[str] = ()) -> dict[str, ExecutorTaskRef]:
    made = {name: ExecutorTaskRef(name) for name in active}
    return made | {name: ExecutorTaskRef(name, active=False) for name in finished}


def move(
    run: Run, config: RunConfig, executor_tasks: Mapping[str, ExecutorTaskRef] | None = None
) -> Advance:
    return advance(run, config, executor_tasks or {}, now=NOW)


def statuses(run: Run) -> dict[str, str]:
    return {name: one.status.value for name, one in run.tasks.items()}


# --- what starts


def test_roots_start_by_level_then_name() -> None:
    config = graph(task("z"), task("b"), task("a", "z"), task("c"))
    assert move(started(config), config).to_submit == ("b", "c", "z")


def test_a_child_starts_when_all_parents_are_final() -> None:
    config = graph(task("a"), task("b"), task("end", "a", "b"))
    run = put(started(config), a=Status.SUCCESS, b=Status.RUNNING)
    assert move(run, config, refs("b")).to_submit == ()
    assert move(put(run, b=Status.SUCCESS), config).to_submit == ("end",)


def test_a_child_waits_until_the_archives_of_its_parents_are_in_object_storage() -> None:
    config = graph(task("a", steps=(SAVE,)), task("b", "a"))
    run = put(started(config), a=Status.SUCCESS)
    missing = Step(phase=StepPhase.SUCCESS, archive=OutputPhase.NOTSTARTED)
    waits = with_steps(run, "a", missing)
    assert move(waits, config).to_submit == ()
    stored = with_steps(run, "a", replace(missing, archive=OutputPhase.FINISHED))
    assert move(stored, config).to_submit == ("b",)


@pytest.mark.parametrize("phase", [StepPhase.FAILED, StepPhase.STOPPED, StepPhase.CANCELLED])
def test_nobody_waits_for_the_archive_of_a_step_that_did_not_succeed(phase: StepPhase) -> None:
    config = graph(task("a", steps=(SAVE,)), task("b", ("a", [Condition.ON_FAILURE])))
    run = put(started(config), a=Status.FAILED)
    run = with_steps(run, "a", Step(phase=phase, archive=OutputPhase.NOTSTARTED))
    assert move(run, config).to_submit == ("b",)


def test_nobody_waits_for_the_archives_of_a_skipped_task() -> None:
    config = graph(task("a", steps=(SAVE,), skip=True), task("b", ("a", [Condition.ON_SKIPPED])))
    assert move(started(config), config).to_submit == ("b",)


def with_steps(run: Run, name: str, *steps: Step) -> Run:
    return replace(run, tasks={**run.tasks, name: replace(run.tasks[name], steps=steps)})


def test_a_task_that_was_given_to_an_executor_is_never_submitted_again() -> None:
    config = graph(task("a"), task("b"))
    run = started(config)
    assert move(run, config, refs("a", finished=["b"])).to_submit == ()


def test_a_final_task_without_an_executor_task_is_not_submitted_again() -> None:
    config = graph(task("a"), task("b"))
    run = put(started(config), a=Status.SUCCESS)
    assert move(run, config).to_submit == ("b",)


def test_one_condition_of_a_dependency_is_enough_and_every_dependency_is_needed() -> None:
    both = [Condition.ON_SUCCESS, Condition.ON_SKIPPED]
    config = graph(task("a", skip=True), task("b"), task("end", ("a", both), ("b", both)))
    run = put(started(config), b=Status.SUCCESS)
    assert move(run, config).to_submit == ("end",)
    failed = put(started(config), b=Status.FAILED)
    assert statuses(move(failed, config).run)["end"] == "skipped"


SATISFIED = {
    (Status.SUCCESS, Condition.ON_SUCCESS),
    (Status.FAILED, Condition.ON_FAILURE),
    (Status.SKIPPED, Condition.ON_SKIPPED),
}


@pytest.mark.parametrize("condition", Condition)
@pytest.mark.parametrize("status", [one for one in Status if one.final])
def test_what_satisfies_a_dependency(status: Status, condition: Condition) -> None:
    config = graph(task("a"), task("b", ("a", [condition])))
    moved = move(put(started(config), a=status), config)
    expected = ("b",) if (status, condition) in SATISFIED else ()
    assert moved.to_submit == expected
    assert moved.run.tasks["b"].status is (Status.NOTSTARTED if expected else Status.SKIPPED)


# --- what is skipped


def test_a_task_whose_when_does_not_match_is_skipped() -> None:
    config = graph(task("a", skip=True), task("b"))
    run = move(started(config), config).run
    assert statuses(run) == {"a": "skipped", "b": "notstarted"}
    assert run.tasks["a"].end_time == NOW
    assert run.tasks["a"].reason == "its `when` does not match"


def test_the_children_of_a_skipped_task_are_settled_by_the_same_call() -> None:
    config = graph(
        task("a"), task("b", "a"), task("c", "b"), task("d", ("c", [Condition.ON_SKIPPED]))
    )
    moved = move(put(started(config), a=Status.FAILED), config)
    assert statuses(moved.run) == {
        "a": "failed",
        "b": "skipped",
        "c": "skipped",
        "d": "notstarted",
    }
    assert moved.to_submit == ("d",)
    assert moved.changed == {"b", "c"}
    assert moved.run.tasks["c"].reason == "task 'b' ended as skipped"


def test_a_cascade_may_be_of_any_length() -> None:
    size = 5000
    config = graph(task("0"), *(task(str(one), str(one - 1)) for one in range(1, size)))
    run = started(config)
    move(run, config)
    moved = advance(put(run, **{"0": Status.STOPPED}), config, {}, now=NOW, changed=["0"])
    assert len(moved.changed) == size - 1


# --- failure


def test_a_failed_task_fails_the_run_which_goes_on() -> None:
    config = graph(
        task("bad"),
        task("good"),
        task("slow"),
        task("after bad", "bad"),
        task("mend", ("bad", [Condition.ON_FAILURE])),
        task("after good", "good"),
    )
    run = put(started(config), bad=Status.FAILED, good=Status.SUCCESS)
    moved = move(run, config)
    assert (moved.run.phase, moved.run.result) == (Phase.RUNNING, Result.FAILED)
    assert moved.to_submit == ("after good", "mend")
    assert statuses(moved.run)["after bad"] == "skipped"
    assert statuses(moved.run)["slow"] == "cancelled"
    assert moved.run.tasks["slow"].reason == "the run had failed before it started"


def test_a_root_that_an_executor_has_is_not_cancelled_by_a_failure() -> None:
    config = graph(task("bad"), task("slow"))
    moved = move(put(started(config), bad=Status.FAILED), config, refs("slow"))
    assert statuses(moved.run)["slow"] == "notstarted"


def test_a_failure_that_is_ignored_does_not_fail_the_run() -> None:
    config = graph(task("a", ignore_failure=True), task("b", ("a", [Condition.ON_FAILURE])))
    run = put(started(config), a=Status.FAILED)
    assert move(run, config).run.result is Result.UNKNOWN
    assert move(put(run, b=Status.SUCCESS), config).run.result is Result.SUCCESS


def test_a_stopped_task_does_not_fail_the_run() -> None:
    config = graph(task("a"), task("b", "a"))
    run = move(put(started(config), a=Status.STOPPED), config).run
    assert statuses(run) == {"a": "stopped", "b": "skipped"}
    assert run.result is Result.SUCCESS


# --- stop


def test_nothing_starts_in_a_stopped_run() -> None:
    config = graph(
        task("done"),
        task("active"),
        task("waits for a slot"),
        task("next", "done"),
        task("later", "next"),
        task("mend", ("active", [Condition.ON_FAILURE])),
    )
    run = actions.stop(put(started(config), done=Status.SUCCESS, active=Status.RUNNING))
    moved = move(run, config, refs("active"))
    assert moved.to_submit == ()
    assert statuses(moved.run) == {
        "done": "success",
        "active": "running",
        "waits for a slot": "cancelled",
        "next": "cancelled",
        "later": "cancelled",
        "mend": "cancelled",
    }
    assert (moved.run.phase, moved.run.result) == (Phase.RUNNING, Result.STOPPED)
    over = move(put(moved.run, active=Status.FAILED), config)
    assert (over.run.phase, over.run.result) == (Phase.FINISHED, Result.STOPPED)


def test_stop_counts_also_when_the_result_is_known() -> None:
    config = graph(task("a"), task("mend", ("a", [Condition.ON_FAILURE])), task("b", "mend"))
    failed = move(put(started(config), a=Status.FAILED), config)
    stopped = advance(actions.stop(failed.run), config, {}, now=NOW, changed=(), mark=failed.mark)
    assert stopped.to_submit == ()
    assert statuses(stopped.run) == {"a": "failed", "mend": "cancelled", "b": "cancelled"}
    assert (stopped.run.phase, stopped.run.result) == (Phase.FINISHED, Result.FAILED)


def test_a_stopped_task_no_longer_waits_for_approval() -> None:
    config = graph(task("a", approval=True))
    run = move(started(config), config).run
    assert run.tasks["a"].waiting_approval
    stopped = move(actions.stop(run), config).run
    assert stopped.tasks["a"] == Task(
        id="a", status=Status.CANCELLED, end_time=NOW, reason="the run was stopped"
    )
    assert stopped.result is Result.STOPPED


def test_stop_while_a_task_is_being_set_up_leaves_it_to_its_executor() -> None:
    config = graph(task("a"))
    run = actions.stop(started(config))
    waits = move(run, config, refs("a"))
    assert statuses(waits.run) == {"a": "notstarted"}
    assert (waits.run.phase, waits.run.result) == (Phase.RUNNING, Result.STOPPED)
    over = move(put(waits.run, a=Status.STOPPED), config)
    assert (over.run.phase, over.run.result) == (Phase.FINISHED, Result.STOPPED)


def test_a_stopped_run_that_had_succeeded_is_stopped() -> None:
    config = graph(task("a"))
    run = actions.stop(put(started(config), a=Status.SUCCESS))
    assert move(run, config).run.result is Result.STOPPED


# --- approval


def test_a_task_waits_for_approval_only_once_it_could_start() -> None:
    config = graph(task("a"), task("b", "a", approval=True))
    run = move(started(config), config).run
    assert not run.tasks["b"].waiting_approval
    waits = move(put(run, a=Status.SUCCESS), config)
    assert (waits.to_submit, waits.changed) == ((), {"b"})
    assert waits.run.tasks["b"].waiting_approval
    approved = actions.approve(waits.run, "b")
    told = advance(approved, config, {}, now=NOW, changed=["b"], mark=waits.mark)
    assert told.to_submit == ("b",)
    assert not told.run.tasks["b"].waiting_approval


def test_whoever_is_approved_no_longer_waits() -> None:
    config = graph(task("a", approval=True))
    run = started(config)
    approved = replace(run.tasks["a"], approved=True, waiting_approval=True)
    moved = move(replace(run, tasks={"a": approved}), config)
    assert moved.to_submit == ("a",)
    assert not moved.run.tasks["a"].waiting_approval


def test_a_task_with_approval_is_skipped_without_asking() -> None:
    config = graph(task("a"), task("b", "a", approval=True))
    run = move(put(started(config), a=Status.FAILED), config).run
    assert run.tasks["b"].status is Status.SKIPPED
    assert not run.tasks["b"].waiting_approval


# --- the end


def test_a_run_ends_when_its_tasks_are_final_and_no_executor_is_active() -> None:
    config = graph(task("a"))
    run = put(started(config), a=Status.SUCCESS)
    waits = move(run, config, refs("a"))
    assert (waits.run.phase, waits.run.result) == (Phase.RUNNING, Result.SUCCESS)
    assert waits.run.end_time is None
    over = move(waits.run, config, refs(finished=["a"]))
    assert (over.run.phase, over.run.end_time) == (Phase.FINISHED, NOW)


def test_a_run_of_skipped_tasks_succeeds_at_once() -> None:
    config = graph(task("a", skip=True), task("b", "a"))
    run = move(started(config), config).run
    assert (run.phase, run.result) == (Phase.FINISHED, Result.SUCCESS)


@pytest.mark.parametrize("phase", [one for one in Phase if one is not Phase.RUNNING])
def test_only_a_running_run_moves(phase: Phase) -> None:
    config = graph(task("a"))
    run = replace(new_run(config, run_id="run", group="/project/x"), phase=phase)
    moved = advance(run, config, {}, now=NOW)
    assert moved == Advance(run=run)
    assert moved.run is run


def test_a_run_that_does_not_change_is_the_same_object() -> None:
    config = graph(task("a"), task("b", "a"))
    run = move(started(config), config).run
    assert move(run, config).run is run


# --- being told what changed


class Counted(dict[str, Task]):
    """Counts how often a task is looked at."""

    looks = 0

    def __getitem__(self, key: str) -> Task:
        self.looks += 1
        return super().__getitem__(key)


def looks(config: RunConfig, run: Run, changed: str, mark: Mark) -> int:
    tasks = Counted(run.tasks)
    advance(replace(run, tasks=tasks), config, {}, now=NOW, changed=[changed], mark=mark)
    return tasks.looks


def test_only_what_changed_and_its_children_are_looked_at() -> None:
    size = 1000
    config = graph(task("0"), *(task(str(one), str(one - 1)) for one in range(1, size)))
    run = started(config)
    moved = move(run, config)
    for one in range(5):
        run = put(run, **{str(one): Status.SUCCESS})
    assert looks(config, run, "4", moved.mark) < 20


@pytest.mark.parametrize("turn", [1, -1])
def test_a_wide_join_is_not_walked_for_each_of_its_parents(turn: int) -> None:
    size = 1000
    middle = [f"m{one:04}" for one in range(size)]
    config = graph(task("first"), *(task(one, "first") for one in middle), task("last", *middle))
    moved = move(put(started(config), first=Status.SUCCESS), config)
    total = 0
    for one in middle[::turn]:
        run = put(moved.run, **{one: Status.SUCCESS})
        total += looks(config, run, one, moved.mark)
        moved = advance(run, config, {}, now=NOW, changed=[one], mark=moved.mark)
    assert moved.to_submit == ("last",)
    assert total < 40 * size


def test_what_was_not_told_is_not_looked_at() -> None:
    config = graph(task("a"), task("b"))
    run = started(config)
    assert advance(run, config, {}, now=NOW, changed=["b"]).to_submit == ("b",)


def test_a_failure_that_is_told_cancels_the_roots_that_are_not() -> None:
    config = graph(task("bad"), task("slow"))
    moved = move(started(config), config)
    run = put(moved.run, bad=Status.FAILED)
    told = advance(run, config, {}, now=NOW, changed=["bad"], mark=moved.mark)
    assert statuses(told.run) == {"bad": "failed", "slow": "cancelled"}


def test_what_starts_is_in_order_whatever_was_told_first() -> None:
    config = graph(*(task(name) for name in "abcdefghi"))
    told = advance(started(config), config, {}, now=NOW, changed=["i", "b"])
    assert told.to_submit == ("b", "i")


def test_a_call_that_looks_at_everything_believes_no_mark() -> None:
    config = graph(task("a"))
    wrong = Mark(final=1, stopped=True)
    moved = advance(started(config), config, {}, now=NOW, mark=wrong)
    assert (moved.run.result, moved.mark) == (Result.UNKNOWN, Mark())
