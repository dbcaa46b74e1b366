from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ostler.datamanager import Delete as DeleteEntry
from ostler.errors import Conflict, NotFound
from ostler.runs.config import TaskConfig
from ostler.runs.creation import new_run
from ostler.runs.model import REASON, Phase, Result, Run
from ostler.services.runservice import RunRemoval, RunStore, Selection, keys, open_instance
from ostler.services.runservice.settling import KV_LOST
from ostler.spi.kv import Delete

from .conftest import CLOCK, run_config
from .tripwire import Crash, Tripwire

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import World


def over(world: World) -> Run:
    """Leave a run that is over in the key-value store, as a process does that is killed then."""
    run = world.add(run_config(TaskConfig(id=CLOCK.new_id(), name="t")))
    ended = replace(run, phase=Phase.FINISHED, result=Result.SUCCESS, end_time=CLOCK.now())
    operations = [Delete(keys.queued(run.group, run.id)), world.store.put_header(ended, "")]
    assert world.store.write([], operations)
    return ended


class Interleaved:
    """Calls something before each call of a store."""

    def __init__(self, target: Any, between: Any) -> None:
        self._target, self._between = target, between

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        if name not in ("get", "list", "items", "txn", "read", "commit", "changes"):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            self._between()
            return found(*args, **kwargs)

        return call


def test_an_archived_run_is_the_same_run(world: World) -> None:
    run = over(world)
    before = world.store.run(run.id).run
    world.store.move(run.id)
    world.store.move(run.id)
    after = world.store.run(run.id).run
    assert after == replace(before, archived=True, revision=0)
    assert world.store.header(run.id).run == replace(after, tasks={})
    assert world.store.task(run.id, *after.tasks) == next(iter(after.tasks.values()))
    assert world.store.resolve("latest") == world.store.resolve(run.id[:20]) == run.id
    assert list(world.kv.items(keys.RUNS)) == []
    assert list(world.kv.items("task/")) == []
    assert list(world.store.archive.reservations()) == []


def test_a_run_that_is_not_over_stays(world: World) -> None:
    run = world.add(run_config(TaskConfig(id=CLOCK.new_id(), name="t")))
    world.store.move(run.id)
    assert world.store.run(run.id).run == run


def test_readers_see_a_run_exactly_once_at_every_step_of_its_move(world: World) -> None:
    run = over(world)
    reader = world.reopened()
    seen = 0

    def look() -> None:
        nonlocal seen
        seen += 1
        assert reader.header(run.id).run.result is Result.SUCCESS
        assert set(reader.run(run.id).run.tasks) == set(run.tasks)
        assert [found.id for found in reader.list(Selection()).runs] == [run.id]
        assert reader.resolve(run.id[:22]) == run.id

    mover: Any = RunStore(
        Interleaved(world.kv, look),  # type: ignore[arg-type]
        Interleaved(world.datamanager, look),  # type: ignore[arg-type]
        world.index,
    )
    mover.move(run.id)
    look()
    assert seen >= 5


ASKED: dict[str, Any] = {
    "header": lambda store, run: [store.header(run.id).run.id],
    "run": lambda store, run: [store.run(run.id).run.id],
    "task": lambda store, run: [run.id] if store.task(run.id, *run.tasks) else [],
    "list": lambda store, run: [found.id for found in store.list(Selection()).runs],
    "resolve": lambda store, run: [store.resolve(run.id[:22])],
    "latest": lambda store, run: [store.resolve("latest")],
}


@pytest.mark.parametrize("asked", ASKED)
def test_a_run_that_moves_between_two_looks_of_a_reader_is_seen_once(
    world: World, asked: str
) -> None:
    for step in range(8):
        run = over(world)
        moving = Moving(world, run, step)
        reader: Any = RunStore(
            Interleaved(world.kv, moving),  # type: ignore[arg-type]
            Interleaved(world.datamanager, moving),  # type: ignore[arg-type]
            world.index,
        )
        assert ASKED[asked](reader, run) == [run.id]
        world.removal.remove(run.id)


class Moving:
    """Moves a run at the n-th call."""

    def __init__(self, world: World, run: Run, step: int) -> None:
        self._world, self._run, self._left = world, run, step

    def __call__(self) -> None:
        if self._left == 0:
            self._world.store.move(self._run.id)
        self._left -= 1


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_at_any_point_of_archiving_loses_nothing(world: World, after: bool) -> None:
    for at in range(50):
        run = over(world)
        wire = Tripwire(at, after=after)
        store = world.reopened(wire)
        wire.calls = 0
        try:
            store.move(run.id)
            crashed = False
        except Crash:
            crashed = True
        assert world.reopened().run(run.id).run.result is Result.SUCCESS
        world.recovery(world.reopened()).recover()
        (left,) = world.reopened().list(Selection(), 1).runs
        assert (left.id, left.archived, left.counter) == (run.id, True, at + 1)
        assert list(world.kv.items(keys.RUNS)) == list(world.kv.items("task/")) == []
        if not crashed:
            return
    pytest.fail("it never went through")


def test_a_run_that_was_removed_does_not_come_back(world: World) -> None:
    """One archives it, another removes it while the first is about to archive it too."""
    run = over(world)

    class Slow:
        done = False

        def __getattr__(self, name: str) -> Any:
            if name == "commit" and not self.done:
                self.done = True
                world.removal.remove(run.id)
            return getattr(world.datamanager, name)

    slow: Any = Slow()
    RunStore(world.kv, slow, world.index).move(run.id)
    assert slow.done
    with pytest.raises(NotFound):
        world.store.run(run.id)
    assert world.store.list(Selection()).runs == ()


def test_removal_takes_the_entry_the_config_and_what_only_it_referred_to(world: World) -> None:
    run = over(world)
    (task_id,) = run.tasks
    world.outputs.refer(run.id, task_id, archives=True)
    world.removal.remove(run.id)
    assert world.datamanager.get("run", run.id) is None
    assert world.datamanager.get("runconfig", run.config_id) is None
    assert not world.ost.exists(f"logs/{task_id}/runs/{run.id}")
    with pytest.raises(NotFound):
        world.removal.remove(run.id)


def test_a_config_that_another_run_has_is_kept(world: World) -> None:
    run = over(world)
    config = world.store.config(run.config_id)
    other = new_run(config, run_id=CLOCK.new_id(), group=run.group)
    world.creation.add(config, other, "me")
    world.removal.remove(run.id)
    assert world.store.config(config.id) == config
    world.actions.cancel(other.id)
    RunRemoval(world.reopened(), world.outputs).remove(other.id)
    assert world.datamanager.get("runconfig", config.id) is None


def test_an_active_run_is_not_removed(world: World) -> None:
    run = world.add(run_config(TaskConfig(id=CLOCK.new_id(), name="t")))
    with pytest.raises(Conflict, match="queued"):
        world.removal.remove(run.id)


def test_what_is_archived_survives_the_loss_of_the_key_value_store(world: World) -> None:
    kept, lost = over(world), world.add(run_config(TaskConfig(id=CLOCK.new_id(), name="t")))
    world.store.move(kept.id)
    for item in list(world.kv.items("")):
        world.kv.delete(item.key)

    store = world.reopened()
    assert [run.id for run in store.list(Selection()).runs] == [kept.id]
    assert world.recovery(store).recover() == [lost.id]
    ended = store.run(lost.id).run
    assert (ended.phase, ended.result) == (Phase.FINISHED, Result.STOPPED)
    assert (ended.annotations[REASON], ended.counter) == (KV_LOST, 2)
    assert world.add(run_config(TaskConfig(id=CLOCK.new_id(), name="t"))).counter == 3
    assert world.recovery(store).recover() == []


def test_a_process_leaves_what_the_store_lost_as_lost(world: World, tmp_path: Path) -> None:
    instance = open_instance(world.kv, tmp_path, "mine", "double")
    lost = world.add(run_config(TaskConfig(id=CLOCK.new_id(), name="t")), owner="mine")
    world.kv.delete("", prefix=True)
    world.recovery().leave(instance)
    assert world.store.run(lost.id).run.annotations[REASON] == KV_LOST


def test_a_run_whose_config_was_lost_ends_all_the_same(world: World) -> None:
    run = world.add(run_config(TaskConfig(id=CLOCK.new_id(), name="t")))
    world.datamanager.commit([DeleteEntry("runconfig", run.config_id)])
    for item in list(world.kv.items("")):
        world.kv.delete(item.key)
    assert world.recovery(world.reopened()).recover() == [run.id]
    assert world.reopened().run(run.id).run.result is Result.STOPPED
