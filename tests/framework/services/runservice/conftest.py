"""A runservice on a real store and storage, and an executor that ends tasks as the test says."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ostler.clock import SystemClock
from ostler.datamanager import Datamanager
from ostler.errors import NotFound
from ostler.kv import KeyValueStore
from ostler.ost import ObjectStorage
from ostler.runs.config import RunConfig, TaskConfig
from ostler.runs.creation import new_run
from ostler.runs.model import OutputPhase, Run, Status, Step, StepPhase
from ostler.runs.reports import TaskReport
from ostler.services.api import ExecutorStatus, ExecutorTask
from ostler.services.executor.files import log_file
from ostler.services.policies import Policies
from ostler.services.runservice import (
    TYPES,
    Events,
    Outputs,
    Recovery,
    RunActions,
    RunCreation,
    RunIndex,
    RunRemoval,
    Runservice,
    RunStore,
    Selection,
    keys,
)
from ostler.services.runservice.values import dump
from ostler_memory.driver import MemorySettings, MemoryStorage
from ostler_sqlite.driver import open_driver
from ostler_sqlite.settings import SqliteSettings

DEADLINE = 10.0
CLOCK = SystemClock()


def run_config(*tasks: TaskConfig, name: str = "build") -> RunConfig:
    return RunConfig(id=CLOCK.new_id(), name=name, tasks={task.id: task for task in tasks})


class ScriptedExecutor:
    """A double of the executor service: ends every task with success unless told otherwise."""

    def __init__(self, runservice: Runservice, limit: int | None = 2) -> None:
        self.runservice = runservice
        self.status = ExecutorStatus(id="executor", driver="double", archs=("amd64",), limit=limit)
        self.endings: dict[str, Status] = {}
        self.held: dict[str, ExecutorTask] = {}
        self.hold: set[str] = set()
        self.order: list[str] = []
        self.most = 0
        self.moved = threading.Condition()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def start(self) -> None:
        self.runservice.register(self.status)
        self._thread.start()

    def _work(self) -> None:
        while True:
            work = self.runservice.poll("executor", DEADLINE)
            with self.moved:
                for task in work.start:
                    self.order.append(task.config.name)
                    self.held[task.id] = task
                self.most = max(self.most, len(self.held))
                self.moved.notify_all()
            done = [task.id for task in work.start if task.config.name not in self.hold]
            if done:
                self.end(*done)
            if work.stop:
                self.end(*(task for task in work.stop if task in self.held), status=Status.STOPPED)

    def end(self, *task_ids: str, status: Status | None = None) -> None:
        tasks = [self.held.pop(task_id) for task_id in task_ids]
        reports = [self.report(task, status) for task in tasks]
        for task in tasks:
            with contextlib.suppress(NotFound):  # its run may have been taken from us
                self.runservice.put_log(task.id, None, _Empty(), 0)
        self.runservice.report("executor", reports)

    def report(self, task: ExecutorTask, status: Status | None = None) -> TaskReport:
        ended = status or self.endings.get(task.config.name, Status.SUCCESS)
        phase = StepPhase(ended.value)
        step = Step(phase=phase, exit_code=int(ended is not Status.SUCCESS))
        return TaskReport(
            task_id=task.id,
            status=ended,
            setup=Step(phase=StepPhase.SUCCESS, log=OutputPhase.FINISHED),
            steps=tuple(step for _ in task.config.steps),
        )

    def await_held(self, count: int) -> list[ExecutorTask]:
        with self.moved:
            assert self.moved.wait_for(lambda: len(self.held) >= count, DEADLINE)
            return list(self.held.values())


class _Empty:
    def read(self, size: int = -1, /) -> bytes:
        return b""


class World:
    """Everything of one instance."""

    def __init__(self, directory: Path, *, max_operations: int | None = None) -> None:
        self.clock = CLOCK
        driver = open_driver(SqliteSettings(path=str(directory / "ostler.db")))
        self.kv = KeyValueStore(driver, clock=CLOCK)
        if max_operations is not None:
            limited = replace(self.kv.capabilities, max_operations=max_operations)
            self.kv._capabilities = limited
        self.ost = ObjectStorage(MemoryStorage(MemorySettings()), clock=CLOCK)
        self.directory = directory
        self.datamanager = Datamanager(self.ost, self.kv, types=TYPES, clock=CLOCK)
        self.datamanager.open()
        self._opened = [self.datamanager]
        self.index = RunIndex(self.datamanager, directory / "index")
        self.store = RunStore(self.kv, self.datamanager, self.index)
        self.outputs = Outputs(self.ost)
        self.events = Events(CLOCK, wanted=False)
        self.removal = RunRemoval(self.store, self.outputs)
        self.actions = RunActions(self.store, CLOCK, self.events)
        self.creation = RunCreation(self.store, self.outputs, CLOCK)
        self._moved = threading.Condition()
        self._latest: dict[str, Run] = {}
        self._services: list[Runservice] = []

    def serve(self, policies: Policies | None = None, owner: str = "me") -> ScriptedExecutor:
        chosen = replace(policies or Policies(fail_unplaceable=True), watch=self._watch)
        service = Runservice(self.store, self.outputs, CLOCK, chosen, owner=owner)
        service.start()
        self._services.append(service)
        return ScriptedExecutor(service)

    def add(self, config: RunConfig, *, group: str = "/project/p/run/r", owner: str = "me") -> Run:
        run = new_run(config, run_id=CLOCK.new_id(), group=group)
        self.know(owner)
        added = self.creation.add(config, run, owner)
        for service in self._services:
            service.adopt(added.id)
        return added

    def know(self, owner: str) -> None:
        """Make an instance known, of another machine unless it was opened."""
        if self.kv.get(keys.instance(owner)) is None:
            record = {"host": "elsewhere", "pid": 1, "directory": "/nowhere", "executor": "double"}
            self.kv.put(keys.instance(owner), dump(record))

    def reopened(self, wire: Any = None) -> RunStore:
        """Return the store as another process has it: nothing of this one's memory."""
        other = Datamanager(self.ost, self.kv, types=TYPES, clock=CLOCK)
        other.open()
        self._opened.append(other)
        index = RunIndex(other, self.directory / "index")
        if wire is None:
            return RunStore(self.kv, other, index)
        return RunStore(wire.around(self.kv), wire.around(other), index)

    def recovery(self, store: RunStore | None = None) -> Recovery:
        return Recovery(
            store or self.store, self.outputs, CLOCK, self.events, lambda _: None, log_file
        )

    def counters(self, store: RunStore | None = None) -> list[int]:
        runs = (store or self.reopened()).list(Selection()).runs
        assert len({run.id for run in runs}) == len(runs)
        return sorted(run.counter for run in runs)

    def await_run(self, run_id: str, holds: Callable[[Run], bool]) -> Run:
        with self._moved:
            assert self._moved.wait_for(
                lambda: run_id in self._latest and holds(self._latest[run_id]), DEADLINE
            ), self._latest.get(run_id)
        return self.store.run(run_id).run

    def await_end(self, run_id: str) -> Run:
        return self.await_run(run_id, lambda run: run.phase.final)

    def close(self) -> None:
        for service in self._services:
            service.close()
            assert service.failure is None
        for opened in self._opened:
            opened.close()
        self.kv.close()
        self.ost.close()

    def _watch(self, run: Run, _changed: frozenset[str]) -> None:
        with self._moved:
            self._latest[run.id] = run
            self._moved.notify_all()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()
