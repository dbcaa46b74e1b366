from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from ostler.errors import BadRequest, Compacted, Conflict, Unavailable
from ostler.runs.config import Condition, Dependency, StepConfig, TaskConfig
from ostler.runs.model import Phase, Result, Status
from ostler.services.policies import Policies
from ostler.services.runservice import RunActions
from ostler.spi import Event
from ostler.spi.runs import RunEvent

from .conftest import CLOCK, DEADLINE, World, run_config


def task(name: str, *parents: TaskConfig, **more: object) -> TaskConfig:
    return TaskConfig(
        id=CLOCK.new_id(),
        name=name,
        level=1 + max((parent.level for parent in parents), default=-1),
        depends=tuple(Dependency(parent.id) for parent in parents),
        steps=(StepConfig(type="run", name="run"),),
        **more,  # type: ignore[arg-type]
    )


def test_a_run_goes_from_queued_to_success_and_everything_is_stored(world: World) -> None:
    first, second = (a := task("first")), task("second", a)
    executor = world.serve()
    executor.start()
    run = world.add(run_config(first, second))
    ended = world.await_end(run.id)
    assert (ended.phase, ended.result) == (Phase.FINISHED, Result.SUCCESS)
    assert {name.status for name in ended.tasks.values()} == {Status.SUCCESS}
    assert executor.order == ["first", "second"]
    assert world.store.header(run.id).owner == ""
    assert list(world.kv.items("executortask/")) == []
    assert list(world.kv.items("running/")) == []
    assert world.ost.exists(f"logs/{first.id}/runs/{run.id}")


def test_no_more_tasks_at_once_than_the_limit(world: World) -> None:
    tasks = [task(f"t{number}") for number in range(6)]
    executor = world.serve()
    executor.hold = {item.name for item in tasks}
    executor.start()
    run = world.add(run_config(*tasks))
    for _ in range(3):
        held = executor.await_held(2)
        assert len(list(world.kv.items("executortask/"))) == 2
        executor.end(*(item.id for item in held))
    assert world.await_end(run.id).result is Result.SUCCESS
    assert executor.most == 2


def test_more_tasks_start_at_once_than_fit_in_a_transaction(tmp_path: Path) -> None:
    small = World(tmp_path, max_operations=16)
    tasks = [task(f"t{number}") for number in range(40)]
    executor = small.serve()
    executor.status = replace(executor.status, limit=33)
    executor.hold = {item.name for item in tasks}
    executor.start()
    run = small.add(run_config(*tasks))
    executor.end(*(item.id for item in executor.await_held(33)))
    executor.end(*(item.id for item in executor.await_held(7)))
    assert small.await_end(run.id).result is Result.SUCCESS
    assert list(small.kv.items("executortask/")) == []
    small.close()


def test_a_stop_from_elsewhere_ends_what_runs_and_starts_nothing_more(world: World) -> None:
    first, second = (a := task("first")), task("second", a)
    executor = world.serve()
    executor.hold = {"first"}
    executor.start()
    run = world.add(run_config(first, second))
    executor.await_held(1)
    RunActions(world.store, CLOCK, world.events).stop(run.id)
    ended = world.await_end(run.id)
    assert ended.result is Result.STOPPED
    assert ended.tasks[first.id].status is Status.STOPPED
    assert ended.tasks[second.id].status is Status.CANCELLED
    with pytest.raises(Conflict, match="finished"):
        world.actions.stop(run.id)


class Deaf:
    """A watch that hears nothing, until it finds that what it wants is no longer kept."""

    def __init__(self) -> None:
        self.found = threading.Event()
        self.close = self.found.set

    def next(self, timeout: float | None = None) -> tuple[Event, ...]:
        assert self.found.wait(DEADLINE)
        raise Compacted("list again")


@pytest.fixture
def deaf(world: World, monkeypatch: pytest.MonkeyPatch) -> Deaf:
    watch, deaf = world.kv.watch, Deaf()
    watches = iter([deaf])
    monkeypatch.setattr(
        world.kv, "watch", lambda *args, **kwargs: next(watches, None) or watch(*args, **kwargs)
    )
    return deaf


def test_who_missed_something_looks_at_every_run_again(world: World, deaf: Deaf) -> None:
    executor = world.serve()
    executor.hold = {"first", "again"}
    executor.start()
    run = world.add(run_config(task("first")))
    executor.await_held(1)
    world.actions.stop(run.id)
    assert not world.store.run(run.id).run.phase.final
    deaf.found.set()
    assert world.await_end(run.id).result is Result.STOPPED
    again = world.add(run_config(task("again")))
    executor.await_held(1)
    world.actions.stop(again.id)  # and it hears of what comes after that
    assert world.await_end(again.id).result is Result.STOPPED


def test_a_run_that_the_store_lost_ends_the_service(world: World, deaf: Deaf) -> None:
    executor = world.serve()
    executor.hold = {"first"}
    executor.start()
    run = world.add(run_config(task("first")))
    executor.await_held(1)
    world.kv.delete("", prefix=True)
    deaf.found.set()
    service = world._services.pop()
    service._threads[0].join(DEADLINE)
    service.close()
    assert isinstance(service.failure, Unavailable)
    assert service.failure.code == "kv_lost"
    assert run.id in service.failure.message


def test_a_task_waits_for_two_people_and_both_are_recorded(world: World) -> None:
    asked = task("publish", approval=True, approvals=2)
    executor = world.serve()
    executor.start()
    run = world.add(run_config(asked))
    world.await_run(run.id, lambda run: run.tasks[asked.id].waiting_approval)
    assert executor.order == []
    together = threading.Barrier(2)

    def approve(user: str) -> None:
        together.wait()
        world.actions.add_approver(run.id, asked.id, user)

    people = [threading.Thread(target=approve, args=(user,)) for user in ("ann", "bob")]
    for person in people:
        person.start()
    for person in people:
        person.join()
    ended = world.await_end(run.id)
    assert ended.result is Result.SUCCESS
    recorded = json.loads(ended.tasks[asked.id].annotations["approvers"])
    assert sorted(recorded) == ["ann", "bob"]


def test_the_same_person_cannot_approve_twice(world: World) -> None:
    asked = task("publish", approval=True, approvals=2)
    world.serve().start()
    run = world.add(run_config(asked))
    world.await_run(run.id, lambda run: run.tasks[asked.id].waiting_approval)
    world.actions.add_approver(run.id, asked.id, "ann")
    with pytest.raises(BadRequest, match="ann"):
        world.actions.add_approver(run.id, asked.id, "ann")
    world.actions.stop(run.id)
    assert world.await_end(run.id).result is Result.STOPPED


def test_runs_of_one_group_go_one_after_the_other_and_of_another_beside(world: World) -> None:
    executor = world.serve()
    executor.hold = {"one", "other"}
    executor.start()
    first = world.add(run_config(task("one")), group="/project/p/run/a")
    executor.await_held(1)
    second = world.add(run_config(task("two")), group="/project/p/run/a")
    third = world.add(run_config(task("three")), group="/project/p/run/a")
    other = world.add(run_config(task("other")), group="/project/p/run/b")
    held = executor.await_held(2)
    assert sorted(item.config.name for item in held) == ["one", "other"]
    assert world.store.header(second.id).run.phase is Phase.QUEUED
    world.actions.cancel(third.id)
    executor.end(*(item.id for item in held))
    for run in (first, second, other):
        assert world.await_end(run.id).result is Result.SUCCESS
    assert world.await_end(third.id).phase is Phase.CANCELLED
    assert executor.order == ["one", "other", "two"]
    assert [run.counter for run in (first, second, third, other)] == [1, 2, 3, 4]


def test_a_task_that_no_executor_can_take_fails_with_the_reason(world: World) -> None:
    odd, after = (a := task("odd", arch="riscv64")), task("after", a)
    rescue = TaskConfig(
        id=CLOCK.new_id(),
        name="rescue",
        level=1,
        depends=(Dependency(odd.id, frozenset({Condition.ON_FAILURE})),),
    )
    executor = world.serve()
    executor.start()
    ended = world.await_end(world.add(run_config(odd, after, rescue)).id)
    assert ended.result is Result.FAILED
    assert "riscv64" in ended.tasks[odd.id].reason
    assert ended.tasks[after.id].status is Status.SKIPPED
    assert ended.tasks[rescue.id].status is Status.SUCCESS


def test_a_task_that_is_cancelled_while_it_waits_for_a_slot_never_starts(world: World) -> None:
    fails, runs, waits = task("a fails"), task("b runs"), task("c waits")
    executor = world.serve()
    executor.hold = {"a fails", "b runs"}
    executor.start()
    run = world.add(run_config(fails, runs, waits))
    executor.await_held(2)
    executor.end(fails.id, status=Status.FAILED)
    executor.end(runs.id)
    ended = world.await_end(run.id)
    assert ended.result is Result.FAILED
    assert ended.tasks[waits.id].status is Status.CANCELLED
    assert sorted(executor.order) == ["a fails", "b runs"]


def test_tasks_that_a_restarted_executor_no_longer_knows_have_failed(world: World) -> None:
    lost, kept = task("lost"), task("kept")
    executor = world.serve()
    executor.hold = {"lost", "kept"}
    executor.start()
    run = world.add(run_config(lost, kept))
    executor.await_held(2)
    executor.runservice.register(replace(executor.status, tasks=(kept.id,)))
    known = world.await_run(run.id, lambda run: run.tasks[lost.id].status.final)
    assert known.tasks[lost.id].reason == "executor restarted"
    assert known.tasks[kept.id].status is Status.NOTSTARTED
    executor.end(kept.id)
    assert world.await_end(run.id).tasks[kept.id].status is Status.SUCCESS


def test_a_run_that_another_process_took_is_let_go(world: World) -> None:
    executor = world.serve()
    executor.hold = {"held"}
    executor.start()
    run = world.add(run_config(task("held")))
    executor.await_held(1)
    stored = world.store.run(run.id)
    world.kv.txn((), [world.store.put_header(stored.run, "somebody else")])
    with executor.moved:
        assert executor.moved.wait_for(lambda: not executor.held, 10)
    assert world.store.run(run.id).owner == "somebody else"
    assert world.store.run(run.id).run.phase is Phase.RUNNING


def test_every_change_of_phase_and_result_is_told(world: World) -> None:
    told: list[RunEvent] = []
    world.serve(Policies(tell=told.append)).start()
    run = world.add(run_config(task("only")))
    world.await_end(run.id)
    world._services[0].close()
    assert [(event.previous_phase, event.run.phase, event.run.result) for event in told] == [
        ("queued", "running", "unknown"),
        ("running", "finished", "success"),
    ]
    assert list(world.kv.items("event/")) == []


def test_many_writers_get_counters_without_gaps(world: World) -> None:
    counters: list[int] = []

    def add() -> None:
        counters.extend(world.add(run_config(task("t"))).counter for _ in range(5))

    writers = [threading.Thread(target=add) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(counters) == list(range(1, 21))
