from __future__ import annotations

from typing import TYPE_CHECKING

from ostler.runs.config import TaskConfig
from ostler.services.runservice import Events, Recovery, RunActions, keys, open_instance
from ostler.services.runservice.events import EventTeller
from ostler.spi.kv import Delete
from ostler.spi.runs import RunEvent

from .conftest import CLOCK, log_file, run_config

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import World

EVENTS = Events(CLOCK, wanted=True)


def told(world: World) -> list[tuple[str, str, str]]:
    found: list[RunEvent] = []
    teller = EventTeller(world.kv, found.append)
    teller.start()
    teller.close()
    assert list(world.kv.items(keys.EVENTS)) == []
    return [(each.previous_phase, each.run.phase, each.run.result) for each in found]


def test_a_cancelled_run_is_told_of_after_it_was_archived(world: World) -> None:
    run = world.add(run_config(TaskConfig(id=CLOCK.new_id(), name="t")))
    RunActions(world.store, CLOCK, EVENTS).cancel(run.id)
    assert world.store.run(run.id).run.archived
    assert told(world) == [("queued", "cancelled", "unknown")]


def test_the_end_that_recovery_gives_is_told(world: World, tmp_path: Path) -> None:
    dead = open_instance(world.kv, tmp_path, "dead", "local")
    shown = world.add(run_config(TaskConfig(id=CLOCK.new_id(), name="t")), owner="dead")
    lost = world.add(run_config(TaskConfig(id=CLOCK.new_id(), name="t")), owner="dead")
    world.kv.txn((), [Delete(keys.run(lost.id)), Delete(keys.queued(lost.group, lost.id))])
    dead.release()
    Recovery(world.store, world.outputs, CLOCK, EVENTS, lambda _: None, log_file).recover()
    assert told(world) == [("queued", "cancelled", "unknown")] * 2
    assert world.store.run(shown.id).run.archived


def test_where_nobody_listens_nothing_is_kept(world: World) -> None:
    run = world.add(run_config(TaskConfig(id=CLOCK.new_id(), name="t")))
    world.actions.cancel(run.id)
    assert list(world.kv.items(keys.EVENTS)) == []
