"""An executor service on real processes, with a runservice that lives in memory."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ostler.clock import SystemClock
from ostler.errors import NotFound, Unavailable
from ostler.pods import Executor
from ostler.runs.config import StepConfig, TaskConfig
from ostler.runs.model import Status
from ostler.services.api import (
    Assignments,
    ExecutorStatus,
    ExecutorTask,
    TaskReport,
    WorkspaceArchive,
)
from ostler.services.executor import ExecutorService
from ostler.spi.executor import ContainerConfig, ExecutorContext, ExecutorDriver
from ostler.spi.info import load_reference
from ostler.spi.steps import StepModel, StepType
from ostler.spi.storage import Body, BytesBody, Readable
from ostler_local import ostler_executors
from ostler_steps import ostler_step_types

DEADLINE = 20.0
EXECUTOR = "executor-1"


class MemoryRunservice:
    """What an executor needs of a runservice, kept in memory; says what it was told, and fails on demand.

    `fail` maps the name of a method to the errors that its next calls raise;
    an error under ``"always"`` is raised for as long as it is there.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.registered: list[ExecutorStatus] = []
        self.batches: list[list[TaskReport]] = []
        self.states: dict[str, TaskReport] = {}
        self.logs: dict[tuple[str, int | None], bytes] = {}
        self.archives: dict[tuple[str, int], bytes] = {}
        self.caches: dict[str, bytes] = {}
        self.fail: dict[str, list[Exception]] = {}
        self.always: dict[str, Exception] = {}
        self.calls: list[str] = []
        self.on_report: Callable[[], object] = lambda: None
        self._start: list[ExecutorTask] = []
        self._stop: list[str] = []

    def _called(self, name: str) -> None:
        with self.changed:
            self.calls.append(name)
            self.changed.notify_all()
            if name in self.always:
                raise self.always[name]
            if self.fail.get(name):
                raise self.fail[name].pop(0)

    # --- for the test

    def give(self, *tasks: ExecutorTask) -> None:
        with self.changed:
            self._start += tasks
            self.changed.notify_all()

    def stop(self, *task_ids: str) -> None:
        with self.changed:
            self._stop += task_ids
            self.changed.notify_all()

    def wait_for(self, condition: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, DEADLINE), "not within the deadline"

    def wait_called(self, name: str, times: int = 1) -> None:
        self.wait_for(lambda: self.calls.count(name) >= times)

    def end_of(self, task_id: str) -> TaskReport:
        self.wait_for(lambda: task_id in self.states and self.states[task_id].status.final)
        return self.states[task_id]

    def log(self, task_id: str, step: int | None = 0) -> str:
        return self.logs[task_id, step].decode()

    # --- for the executor

    def register(self, status: ExecutorStatus) -> None:
        self._called("register")
        self.registered.append(status)

    def poll(self, executor_id: str, timeout: float) -> Assignments:
        with self.changed:
            self.changed.wait_for(lambda: self._start or self._stop, timeout)
        self._called("poll")
        with self.changed:
            work = Assignments(start=tuple(self._start), stop=tuple(self._stop))
            self._start, self._stop = [], []
        return work

    def report(self, executor_id: str, reports: Sequence[TaskReport]) -> None:
        self._called("report")
        self.on_report()
        with self.changed:
            self.batches.append(list(reports))
            self.states |= {report.task_id: report for report in reports}
            self.changed.notify_all()

    def put_log(self, task_id: str, step: int | None, source: Readable, size: int) -> None:
        self._called("put_log")
        data = source.read()
        assert len(data) == size
        self.logs[task_id, step] = data

    def put_archive(self, task_id: str, step: int, source: Readable) -> None:
        self._called("put_archive")
        self.archives[task_id, step] = source.read()

    def open_archive(self, archive: WorkspaceArchive) -> Body:
        self._called("open_archive")
        if (archive.task_id, archive.step) not in self.archives:
            raise NotFound("no such archive")
        return BytesBody(self.archives[archive.task_id, archive.step])

    def find_cache(self, key: str, *, prefix: bool) -> str | None:
        self._called("find_cache")
        if not prefix:
            return key if key in self.caches else None
        return next((name for name in reversed(self.caches) if name.startswith(key)), None)

    def open_cache(self, name: str) -> Body:
        self._called("open_cache")
        if name not in self.caches:
            raise NotFound("no such cache")
        return BytesBody(self.caches[name])

    def put_cache(self, key: str, source: Readable) -> bool:
        self._called("put_cache")
        if key in self.caches:
            return False
        self.caches[key] = source.read()
        return True


class Bench:
    """An executor service on the local driver, and the runservice that it works for."""

    def __init__(self, directory: Path, step_types: Mapping[str, StepType]) -> None:
        self.directory = directory
        self.step_types = dict(step_types)
        self.runservice = MemoryRunservice()
        self.states: list[TaskReport] = []
        self.listener: Callable[[TaskReport], None] = self.states.append
        self.driver: ExecutorDriver = self.open_driver()
        self._numbers = itertools.count(1)
        self.service: ExecutorService = self.new_service()
        self._opened: list[ExecutorService] = []

    def open_driver(self) -> ExecutorDriver:
        [kind] = [kind for kind in ostler_executors() if kind.name == "local"]
        folder = self.directory / "pods"
        folder.mkdir(parents=True, exist_ok=True)
        context = ExecutorContext(executor_id=EXECUTOR, directory=str(folder))
        settings = load_reference(kind.settings)()
        executor = Executor(load_reference(kind.factory)(settings, context), name=kind.name)
        executor.setup()
        return executor

    def new_service(self, *, limit: int | None = 4, grace: float = 5.0) -> ExecutorService:
        status = ExecutorStatus(id=EXECUTOR, driver="local", archs=(), limit=limit)
        self.service = ExecutorService(
            self.driver,
            self.runservice,
            status=status,
            step_types=self.step_types,
            directory=self.directory,
            clock=SystemClock(),
            grace=grace,
            listener=self.listener,
        )
        return self.service

    def start(self, **options: Any) -> ExecutorService:
        if options:
            self.new_service(**options)
        self.service.start()
        self._opened.append(self.service)
        return self.service

    def close(self) -> None:
        for service in self._opened:
            service.close(1.0)
        self.driver.close()

    def task(
        self,
        *steps: StepConfig | str,
        archives: Sequence[WorkspaceArchive] = (),
        run_environment: Mapping[str, str] | None = None,
        cache_prefix: str = "",
        **config: Any,
    ) -> ExecutorTask:
        task_id = f"task-{next(self._numbers)}"
        return ExecutorTask(
            run_id="run-1",
            run_name="run",
            config=TaskConfig(
                id=task_id,
                name=config.pop("name", task_id),
                steps=tuple(_step(step) for step in steps),
                **config,
            ),
            environment=run_environment or {},
            cache_prefix=cache_prefix,
            archives=tuple(archives),
        )

    def run(self, *steps: StepConfig | str, **options: Any) -> TaskReport:
        """Run a task of these steps to its end."""
        if not self._opened:
            self.start()
        task = self.task(*steps, **options)
        self.runservice.give(task)
        return self.runservice.end_of(task.id)

    def container(self, **config: Any) -> ContainerConfig:
        return ContainerConfig(**config)

    def run_without_end(self, *steps: StepConfig | str) -> None:
        """Start a task of these steps, and do not wait for it."""
        self.start()
        self.runservice.give(self.task(*steps))

    def eventually(self, condition: Callable[[], bool]) -> None:
        """Look again until it holds: for what nobody tells of."""
        eventually(condition)

    def succeed(self, *steps: StepConfig | str, **options: Any) -> TaskReport:
        """The same; everything must succeed."""
        report = self.run(*steps, **options)
        logs = {
            step: data
            for (task, step), data in self.runservice.logs.items()
            if task == report.task_id
        }
        assert report.status is Status.SUCCESS, (report.reason, logs)
        return report

    def log(self, report: TaskReport, step: int | None = 0) -> str:
        return self.runservice.log(report.task_id, step)

    def files(self) -> list[str]:
        """Return what the service keeps on its disk."""
        return sorted(path.name for path in (self.directory / "tasks").iterdir())

    def add_step(self, name: str, run: Callable[[Any, Any], int]) -> None:
        """Offer a step type made in the test."""
        _TEST_STEPS[name] = run
        self.step_types[name] = StepType(
            name=name,
            summary=name,
            model=f"{__name__}:StepModel",
            run=f"{__name__}:_TEST_STEPS.{name}",
        )


class _Steps(dict[str, Any]):
    def __getattr__(self, name: str) -> Any:
        return self[name]


_TEST_STEPS = _Steps()
assert StepModel  # is referred to by name


def _step(step: StepConfig | str) -> StepConfig:
    if isinstance(step, StepConfig):
        return step
    return StepConfig(type="run", name="", config={"command": step, "tty": False})


def eventually(condition: Callable[[], bool]) -> None:
    """Look again until it holds: for what happens after the last thing that can be waited for."""
    until = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < until, "not within the deadline"
        time.sleep(0.005)


@pytest.fixture
def step_types() -> Mapping[str, StepType]:
    return {kind.name: kind for kind in ostler_step_types()}


@pytest.fixture
def bench(tmp_path: Path, step_types: Mapping[str, StepType]) -> Iterator[Bench]:
    opened = Bench(tmp_path / "executor", step_types)
    yield opened
    opened.close()


@pytest.fixture(name="eventually")
def _eventually() -> Callable[[Callable[[], bool]], None]:
    return eventually


@pytest.fixture
def unavailable() -> Unavailable:
    return Unavailable("the runservice is away")
