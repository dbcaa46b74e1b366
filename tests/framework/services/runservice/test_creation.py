from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ostler.errors import Conflict, Error, NotFound, Unavailable
from ostler.runs.config import TaskConfig
from ostler.runs.creation import new_run
from ostler.runs.model import REASON, Phase, Run
from ostler.runs.restart import restart_from_scratch
from ostler.services.runservice import RunCreation, RunStore, Selection, keys, open_instance
from ostler.services.runservice.settling import NEVER_SHOWN

from .conftest import CLOCK, run_config
from .tripwire import Crash, Tripwire, unknown

if TYPE_CHECKING:
    from .conftest import World

GROUP = "/project/p/run/r"


def add(world: World, store: RunStore, owner: str, name: str = "build") -> Run:
    config = run_config(TaskConfig(id=CLOCK.new_id(), name="t"), name=name)
    run = new_run(config, run_id=CLOCK.new_id(), group=GROUP)
    return RunCreation(store, world.outputs, CLOCK).add(config, run, owner)


def test_counters_of_many_threads_and_stores_have_no_gap(world: World) -> None:
    world.know("me")
    stores = [world.reopened() for _ in range(2)]
    failed: list[BaseException] = []

    def create(store: RunStore) -> None:
        try:
            for _ in range(5):
                add(world, store, "me")
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=create, args=(stores[n % 2],)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert world.counters() == list(range(1, 41))


def test_counters_of_two_processes_have_no_gap(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from ostler.compose import Composition\n"
        "from ostler.runs.config import RunConfig, TaskConfig\n"
        "from ostler.runs.creation import new_run\n"
        "from ostler.services.runservice import open_instance\n"
        "from ostler.settings import load_settings\n"
        "with Composition(load_settings(overrides={'home': sys.argv[1]}, environ={})) as own:\n"
        "    mine = open_instance(own.kv, own.home, own.clock.new_id(), 'local')\n"
        "    for _ in range(8):\n"
        "        task = TaskConfig(id=own.clock.new_id(), name='t')\n"
        "        config = RunConfig(id=own.clock.new_id(), name='r', tasks={task.id: task})\n"
        "        run = new_run(config, run_id=own.clock.new_id(), group='/project/p/run/r')\n"
        "        print(own.creation.add(config, run, mine.id).counter)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "home")]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = [process.communicate(timeout=50)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert sorted(int(line) for text in told for line in text.split()) == list(range(1, 17))


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_at_any_point_loses_no_number_and_gives_none_twice(
    world: World, tmp_path: Path, after: bool
) -> None:
    made = 0
    for at in range(100):
        wire = Tripwire(at, after=after)
        instance = open_instance(world.kv, tmp_path, f"i{at}-{after}", "local")
        store = world.reopened(wire)
        wire.calls = 0
        try:
            add(world, store, instance.id)
            crashed = False
        except Crash:
            crashed = True
        instance.release()
        world.recovery(world.reopened()).recover()
        counters = world.counters()
        assert counters == list(range(1, len(counters) + 1))
        assert len(counters) in (made, made + 1)
        made = len(counters)
        assert list(world.store.archive.reservations()) == []
        for prefix in (keys.RUNS, "task/", keys.QUEUES, keys.INSTANCES):
            assert list(world.kv.items(prefix)) == []
        if not crashed:
            break
    else:
        pytest.fail("it never went through")
    reasons = {
        run.annotations[REASON]
        for run in world.reopened().list(Selection(phase=Phase.CANCELLED)).runs
    }
    assert NEVER_SHOWN in reasons


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("times", [1, 2])
def test_a_commit_of_unknown_outcome_is_read_before_it_is_tried_again(
    world: World, done: bool, times: int
) -> None:
    world.know("me")
    silent: Any = unknown(world.datamanager, "commit", times, done=done)
    store = RunStore(world.kv, silent, world.index)
    assert [add(world, store, "me").counter for _ in range(3)] == [1, 2, 3]
    assert world.counters() == [1, 2, 3]


@pytest.mark.parametrize("done", [False, True])
def test_a_run_whose_transaction_has_an_unknown_outcome_is_there_once(
    world: World, done: bool
) -> None:
    world.know("me")
    silent: Any = unknown(world.kv, "txn", 1, done=done)
    added = add(world, RunStore(silent, world.datamanager, world.index), "me")
    assert world.store.run(added.id).run == added
    assert world.counters() == [1]


def test_a_process_that_the_store_does_not_know_begins_no_run(world: World) -> None:
    with pytest.raises(Unavailable, match="does not know this process"):
        add(world, world.store, "nobody")
    world.recovery().recover()
    (run,) = world.store.list(Selection()).runs
    assert (run.counter, run.phase) == (1, Phase.FINISHED)


def test_root_groups_count_for_themselves_also_those_with_long_names(world: World) -> None:
    groups = ["/project/" + "x" * 600, "/project/" + "x" * 599 + "y", "/project/é"]
    for expected in (1, 2):
        for group in groups:
            run = world.add(run_config(TaskConfig(id=CLOCK.new_id(), name="t")), group=group)
            assert run.counter == expected


def test_a_config_with_errors_makes_a_run_that_is_archived_at_once(world: World) -> None:
    config = run_config(TaskConfig(id="t", name="t"))
    added = world.add(replace(config, setup_errors=("it is wrong",)))
    assert (added.phase, added.counter, added.archived) == (Phase.SETUPERROR, 1, True)
    assert world.store.header(added.id).run.phase is Phase.SETUPERROR
    assert list(world.kv.items(keys.RUNS)) == []


def test_a_restart_and_a_removal_of_the_same_run_do_not_cross(world: World) -> None:
    first = world.add(run_config(TaskConfig(id=CLOCK.new_id(), name="t")))
    world.actions.cancel(first.id)
    run = world.store.run(first.id).run
    config, again = restart_from_scratch(run, world.store.config(run.config_id), CLOCK.new_id)
    world.removal.remove(run.id)
    with pytest.raises(Conflict, match="removed while it was being restarted"):
        world.creation.add(config, again, "me", restarts=run)
    assert world.counters() == []


@pytest.mark.parametrize("_", range(5))
def test_a_restart_and_a_removal_at_the_same_time_each_do_all_or_nothing(
    world: World, _: int
) -> None:
    first = world.add(run_config(TaskConfig(id=CLOCK.new_id(), name="t")))
    world.actions.cancel(first.id)
    run = world.store.run(first.id).run
    config, again = restart_from_scratch(run, world.store.config(run.config_id), CLOCK.new_id)
    together = threading.Barrier(2)
    refused: list[str] = []

    def restart() -> None:
        together.wait()
        try:
            world.creation.add(config, again, "me", restarts=run)
        except Error as error:
            refused.append(error.message)

    def remove() -> None:
        together.wait()
        world.removal.remove(run.id)

    threads = [threading.Thread(target=each) for each in (restart, remove)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with pytest.raises(NotFound):
        world.store.run(run.id)
    assert world.datamanager.get("runconfig", run.config_id) is None
    assert len(world.counters()) + len(refused) == 1
    assert all("removed" in text for text in refused)
