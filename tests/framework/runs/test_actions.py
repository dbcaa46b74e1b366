from collections.abc import Callable
from dataclasses import replace

import pytest

from ostler.errors import BadRequest, Conflict, Internal, NotFound
from ostler.runs import actions
from ostler.runs.advance import advance
from ostler.runs.creation import new_run
from ostler.runs.model import Phase, Run, Status, Task

from .strategies import graph, started, task

CONFIG = graph(task("a"), task("b", "a", approval=True))
QUEUED = new_run(CONFIG, run_id="r1", group="/project/x")


def waiting() -> Run:
    run = started(CONFIG)
    done = replace(run.tasks["a"], status=Status.SUCCESS)
    return advance(replace(run, tasks={**run.tasks, "a": done}), CONFIG, {}, now=2.0).run


def test_start() -> None:
    assert actions.start(QUEUED, 5.0) == replace(QUEUED, phase=Phase.RUNNING, start_time=5.0)


def test_cancel_cancels_every_task() -> None:
    run = actions.cancel(QUEUED, 5.0)
    assert (run.phase, run.end_time) == (Phase.CANCELLED, 5.0)
    assert {one.status for one in run.tasks.values()} == {Status.CANCELLED}
    assert {one.end_time for one in run.tasks.values()} == {5.0}


def test_cancel_leaves_what_an_earlier_run_had_ended() -> None:
    kept = Task(id="a", status=Status.SUCCESS, end_time=1.0)
    run = actions.cancel(replace(QUEUED, tasks={**QUEUED.tasks, "a": kept}), 5.0)
    assert run.tasks["a"] == kept


def test_stop_is_a_wish_that_can_be_repeated() -> None:
    run = started(CONFIG)
    stopped = actions.stop(run)
    assert stopped == replace(run, stop=True)
    assert actions.stop(stopped) is stopped


ALLOWED: list[tuple[str, Callable[[Run], Run], Phase]] = [
    ("start", lambda run: actions.start(run, 1.0), Phase.QUEUED),
    ("cancel", lambda run: actions.cancel(run, 1.0), Phase.QUEUED),
    ("stop", actions.stop, Phase.RUNNING),
]


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize(("name", "action", "allowed"), ALLOWED)
def test_an_action_out_of_place_is_a_conflict_that_says_why(
    name: str, action: Callable[[Run], Run], allowed: Phase, phase: Phase
) -> None:
    run = replace(QUEUED, phase=phase)
    if phase is allowed:
        action(run)
        return
    with pytest.raises(Conflict) as caught:
        action(run)
    assert caught.value.message == (
        f"cannot {name} run r1: it is {phase.value}, and only a {allowed.value} run can be"
    )


def test_approve() -> None:
    run = actions.approve(waiting(), "b")
    assert run.tasks["b"].approved
    assert not run.tasks["b"].waiting_approval


def test_a_task_is_approved_only_while_it_waits() -> None:
    with pytest.raises(Conflict, match="task b of run run does not wait for approval: it is notst"):
        actions.approve(started(CONFIG), "b")
    with pytest.raises(Conflict, match="does not wait for approval: it is approved already"):
        actions.approve(actions.approve(waiting(), "b"), "b")
    with pytest.raises(Conflict, match="cannot approve a task of run run: it is finished, not"):
        actions.approve(replace(waiting(), phase=Phase.FINISHED), "b")


def test_an_unknown_task_is_not_found() -> None:
    with pytest.raises(NotFound, match="run run has no task x"):
        actions.approve(waiting(), "x")
    with pytest.raises(NotFound, match="run run has no task x"):
        actions.set_annotations(waiting(), "x", {})


def test_annotations_are_replaced() -> None:
    run = actions.set_annotations(QUEUED, "a", {"k": "v"})
    assert actions.set_annotations(run, "a", {"l": "w"}).tasks["a"].annotations == {"l": "w"}
    assert QUEUED.tasks["a"].annotations == {}


def test_approvers_are_listed_and_approve_nothing_themselves() -> None:
    run = actions.set_annotations(waiting(), "b", {"k": "v"})
    for user in ("ada", "grace ü"):
        run = actions.add_approver(run, "b", user)
    assert actions.approvers(run.tasks["b"]) == ["ada", "grace ü"]
    assert run.tasks["b"].annotations == {"k": "v", "approvers": '["ada", "grace ü"]'}
    assert run.tasks["b"].waiting_approval


def test_nobody_approves_twice() -> None:
    run = actions.add_approver(waiting(), "b", "ada")
    with pytest.raises(BadRequest, match="ada has approved task b already"):
        actions.add_approver(run, "b", "ada")


def test_only_a_waiting_task_takes_approvers() -> None:
    with pytest.raises(Conflict, match="does not wait for approval"):
        actions.add_approver(started(CONFIG), "b", "ada")


@pytest.mark.parametrize("text", ["{", '{"ada": 1}', "[1]", "null"])
def test_a_damaged_list_of_approvers_is_said(text: str) -> None:
    damaged = Task(id="b", annotations={"approvers": text})
    with pytest.raises(Internal, match="'approvers' of task b is no JSON list of user ids"):
        actions.approvers(damaged)
