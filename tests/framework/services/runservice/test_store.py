from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ostler.errors import Conflict, NotFound
from ostler.runs.config import TaskConfig
from ostler.runs.model import Phase
from ostler.services.runservice import Selection

from .conftest import CLOCK, run_config

if TYPE_CHECKING:
    from .conftest import World


def add(world: World, count: int) -> list[str]:
    return [world.add(run_config(TaskConfig(id=CLOCK.new_id(), name="t"))).id for _ in range(count)]


def test_pages_of_active_and_archived_runs_make_the_whole_list(world: World) -> None:
    runs = add(world, 9)
    for run_id in runs[::2]:
        world.actions.cancel(run_id)
    newest_first = runs[::-1]
    assert [run.id for run in world.store.list(Selection()).runs] == newest_first
    for size in (1, 2, 4, 9, 20):
        seen: list[str] = []
        after, pages = "", 0
        while pages == 0 or after:
            page = world.store.list(Selection(after=after), size)
            seen += [run.id for run in page.runs]
            after, pages = page.after, pages + 1
        assert seen == newest_first
        assert pages == -(-9 // size)
    queued = world.store.list(Selection(phase=Phase.QUEUED)).runs
    assert [run.id for run in queued] == runs[1::2][::-1]


def test_names_stand_for_active_and_archived_runs_alike(world: World) -> None:
    active, archived = add(world, 2)
    world.actions.cancel(archived)
    assert world.store.resolve("latest") == archived
    assert world.store.resolve(active) == active
    assert world.store.resolve(archived[:-1]) == archived
    with pytest.raises(Conflict, match=archived):
        world.store.resolve(active[:3])
    with pytest.raises(NotFound, match="nothing"):
        world.store.resolve("nothing")
    world.removal.remove(archived)
    assert world.store.resolve("latest") == active


def test_a_config_and_a_task_that_are_not_there(world: World) -> None:
    (run_id,) = add(world, 1)
    with pytest.raises(NotFound, match="no run nope"):
        world.store.task("nope", "t")
    with pytest.raises(NotFound, match="run config"):
        world.store.config("nope")
    world.actions.cancel(run_id)
    with pytest.raises(NotFound, match="no task nope"):
        world.store.task(run_id, "nope")
