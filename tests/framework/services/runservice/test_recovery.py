from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ostler.runs.config import Dependency, StepConfig, TaskConfig
from ostler.runs.model import OutputPhase, Phase, Result, Status, Step, StepPhase
from ostler.services.executor.files import log_file, tasks_directory
from ostler.services.runservice import Instance, Recovery, keys, open_instance
from ostler.services.runservice.recovery import LOST
from ostler.services.runservice.values import dump

from .conftest import CLOCK, run_config

if TYPE_CHECKING:
    from .conftest import World

STEPS = (StepConfig(type="run", name="one"), StepConfig(type="run", name="two"))


def recovery(world: World, removed: list[str]) -> Recovery:
    def remove_pods(instance: Instance) -> None:
        removed.append(instance.id)

    return Recovery(world.store, world.outputs, CLOCK, world.events, remove_pods, log_file)


def test_an_instance_that_lives_is_left_alone(world: World, tmp_path: Path) -> None:
    living = open_instance(world.kv, tmp_path, "living", "local")
    removed: list[str] = []
    assert recovery(world, removed).recover() == []
    assert removed == []
    living.release()
    assert recovery(world, removed).recover() == []
    assert removed == ["living"]
    assert not living.directory.exists()
    assert list(world.kv.items(keys.INSTANCES)) == []


def test_a_process_that_was_killed_is_known_to_be_dead_at_once(
    world: World, tmp_path: Path
) -> None:
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from ostler.clock import SystemClock\n"
        "from ostler.kv import KeyValueStore\n"
        "from ostler.services.runservice import open_instance\n"
        "from ostler_sqlite.driver import open_driver\n"
        "from ostler_sqlite.settings import SqliteSettings\n"
        "home = Path(sys.argv[1])\n"
        "kv = KeyValueStore(open_driver(SqliteSettings(path=str(home / 'ostler.db'))), clock=SystemClock())\n"
        "open_instance(kv, home, 'killed', 'local')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    removed: list[str] = []
    recovery(world, removed).recover()
    assert removed == ["killed"]


def test_the_run_of_a_dead_instance_ends_stopped_and_keeps_what_was_written(
    world: World, tmp_path: Path
) -> None:
    dead = open_instance(world.kv, tmp_path, "dead", "local")
    done = TaskConfig(id=CLOCK.new_id(), name="done", steps=STEPS)
    active = TaskConfig(
        id=CLOCK.new_id(), name="active", level=1, depends=(Dependency(done.id),), steps=STEPS
    )
    later = TaskConfig(
        id=CLOCK.new_id(), name="later", level=2, depends=(Dependency(active.id),), steps=STEPS
    )
    run = world.add(run_config(done, active, later), owner="dead")
    finished = Step(phase=StepPhase.SUCCESS, log=OutputPhase.FINISHED)
    success = replace(run.tasks[done.id], status=Status.SUCCESS, steps=(finished, finished))
    begun = replace(
        run.tasks[active.id],
        status=Status.RUNNING,
        steps=(Step(phase=StepPhase.RUNNING), Step()),
    )
    running = replace(run, phase=Phase.RUNNING, start_time=CLOCK.now())
    world.kv.put(keys.executor_task(active.id), dump({"run": run.id, "executor": "dead"}))
    world.kv.put(keys.running(run.group), run.id.encode())
    world.kv.txn(
        (),
        [
            world.store.put_task(run.id, success),
            world.store.put_task(run.id, begun),
            world.store.put_header(running, "dead"),
        ],
    )
    tasks_directory(dead.directory).mkdir()
    log_file(dead.directory, active.id, 0).write_bytes(b"half a li")
    dead.release()

    assert recovery(world, []).recover() == [run.id]
    ended = world.store.run(run.id)
    assert (ended.run.phase, ended.run.result) == (Phase.FINISHED, Result.STOPPED)
    assert (ended.owner, ended.run.annotations["reason"]) == ("", LOST)
    assert ended.run.tasks[done.id] == success
    stopped = ended.run.tasks[active.id]
    assert (stopped.status, stopped.reason) == (Status.STOPPED, LOST)
    assert [step.phase for step in stopped.steps] == [StepPhase.STOPPED, StepPhase.CANCELLED]
    assert stopped.steps[0].log is OutputPhase.FINISHED
    with world.outputs.open_log(active.id, 0) as log:
        assert log.read() == b"half a li"
    assert ended.run.tasks[later.id].status is Status.CANCELLED
    for prefix in (keys.EXECUTOR_TASKS, "running/", keys.QUEUES, keys.INSTANCES):
        assert list(world.kv.items(prefix)) == []


def test_a_queued_run_of_a_dead_instance_is_cancelled(world: World, tmp_path: Path) -> None:
    open_instance(world.kv, tmp_path, "dead", "local").release()
    run = world.add(run_config(TaskConfig(id=CLOCK.new_id(), name="t")), owner="dead")
    recovery(world, []).recover()
    ended = world.store.run(run.id).run
    assert ended.phase is Phase.CANCELLED
    assert ended.annotations["reason"] == LOST
    assert list(world.kv.items(keys.QUEUES)) == []
