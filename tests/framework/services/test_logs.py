from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ostler.clock import SystemClock
from ostler.datamanager import Datamanager
from ostler.errors import NotFound
from ostler.kv import KeyValueStore
from ostler.ost import ObjectStorage
from ostler.runs.config import RunConfig, StepConfig, TaskConfig
from ostler.runs.creation import new_run
from ostler.runs.model import OutputPhase, Status, Step, StepPhase, Task
from ostler.services.executor.files import log_file, tasks_directory
from ostler.services.logs import LogReader
from ostler.services.runservice import (
    TYPES,
    Outputs,
    RunCreation,
    RunIndex,
    RunStore,
    open_instance,
)
from ostler_memory.driver import MemorySettings, MemoryStorage
from ostler_sqlite.driver import open_driver
from ostler_sqlite.settings import SqliteSettings

CLOCK = SystemClock()
DEADLINE = 10.0
STORED = Step(phase=StepPhase.SUCCESS, log=OutputPhase.FINISHED)


class PausedClock(SystemClock):
    """Does something instead of the n-th sleep."""

    def __init__(self, *actions: object) -> None:
        super().__init__()
        self._actions = list(actions)

    def sleep(self, seconds: float) -> None:
        action = self._actions.pop(0)
        assert callable(action)
        action()


class World:
    """A run of one task with one step, owned by a living instance."""

    def __init__(self, directory: Path) -> None:
        driver = open_driver(SqliteSettings(path=str(directory / "ostler.db")))
        self.kv = KeyValueStore(driver, clock=CLOCK)
        ost = ObjectStorage(MemoryStorage(MemorySettings()), clock=CLOCK)
        self.outputs = Outputs(ost)
        datamanager = Datamanager(ost, self.kv, types=TYPES, clock=CLOCK)
        datamanager.open()
        self.store = RunStore(self.kv, datamanager, RunIndex(datamanager, directory / "index"))
        self.instance = open_instance(self.kv, directory, "me", "local")
        task = TaskConfig(id="t", name="the task", steps=(StepConfig(type="run", name="s"),))
        config = RunConfig(id="c", name="build", tasks={"t": task})
        run = new_run(config, run_id="r", group="/project/p/run/r")
        self.run = RunCreation(self.store, self.outputs, CLOCK).add(config, run, "me")

    def put(self, status: Status, step: Step) -> None:
        task = replace(self.run.tasks["t"], status=status, steps=(step,))
        assert self.store.write([], [self.store.put_task("r", task)]) is not None

    def write(self, data: bytes) -> None:
        tasks_directory(self.instance.directory).mkdir(exist_ok=True)
        with log_file(self.instance.directory, "t", 0).open("ab") as file:
            file.write(data)

    def keep(self, data: bytes) -> None:
        self.outputs.ost.put("logs/t/data/steps/0.log", data)

    def reader(self, clock: SystemClock = CLOCK) -> LogReader:
        return LogReader(self.store, self.outputs, clock, log_file)

    def read(self, *, start: int = 0, follow: bool = False, clock: SystemClock = CLOCK) -> bytes:
        return b"".join(self.reader(clock).read("r", "t", 0, start=start, follow=follow))

    def close(self) -> None:
        self.instance.release()
        self.kv.close()
        self.outputs.ost.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def test_a_stored_log_from_any_byte(world: World) -> None:
    world.keep(b"0123456789")
    world.put(Status.SUCCESS, STORED)
    assert world.read() == b"0123456789"
    assert world.read(start=7, follow=True) == b"789"


def test_what_is_written_so_far(world: World) -> None:
    assert world.read() == b""
    world.write(b"begun\n")
    world.put(Status.RUNNING, Step(phase=StepPhase.RUNNING))
    assert world.read() == b"begun\n"
    assert world.read(start=3) == b"un\n"


def test_following_from_the_file_into_the_storage(world: World) -> None:
    world.put(Status.RUNNING, Step(phase=StepPhase.RUNNING))

    def more() -> None:
        world.write(b"one\n")

    def end() -> None:
        log_file(world.instance.directory, "t", 0).unlink()
        world.keep(b"one\ntwo\n")
        world.put(Status.SUCCESS, STORED)

    assert world.read(follow=True, clock=PausedClock(more, end)) == b"one\ntwo\n"


@pytest.mark.parametrize("status", [Status.SKIPPED, Status.CANCELLED, Status.FAILED])
def test_following_a_task_that_never_began_ends(world: World, status: Status) -> None:
    world.put(status, Step())
    assert world.read(follow=True) == b""


def test_a_log_that_is_stored_between_two_looks_is_not_missed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put(Status.RUNNING, Step(phase=StepPhase.RUNNING))
    looked = world.store.task

    def look(run_id: str, task_id: str) -> Task:
        monkeypatch.setattr(world.store, "task", looked)
        task = looked(run_id, task_id)
        world.keep(b"whole")
        world.put(Status.SUCCESS, STORED)
        return task

    monkeypatch.setattr(world.store, "task", look)
    assert world.read() == b"whole"


def test_a_log_that_is_gone_is_told_with_the_name_of_its_task(world: World) -> None:
    world.put(Status.SUCCESS, STORED)
    with pytest.raises(NotFound, match=r"the log of task 'the task', step 0, .* removed there"):
        world.read()


def test_following_tells_the_first_bytes_before_the_step_ends(world: World) -> None:
    world.write(b"first\n")
    world.put(Status.RUNNING, Step(phase=StepPhase.RUNNING))
    chunks = world.reader().read("r", "t", 0, follow=True)
    assert next(chunks) == b"first\n"
    threading.Thread(target=world.put, args=(Status.STOPPED, Step())).start()
    assert list(chunks) == []
