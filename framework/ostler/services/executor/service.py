"""The executor service: asks for work, runs it, reports it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ostler.clock import Clock
from ostler.services.api import (
    Assignments,
    ExecutorStatus,
    ExecutorTask,
    RunserviceForExecutors,
    TaskReport,
)
from ostler.spi.executor import ExecutorDriver
from ostler.spi.steps import StepType

from .deadlines import Deadlines
from .delivery import Delivery
from .files import TaskFiles, kept_outcomes, tasks_directory
from .outbox import Outbox
from .outcome import Outcome
from .pods import remove_orphans
from .progress import Progress
from .shared import Listener, Shared, StepTypes
from .task import SHUTDOWN, STOPPED, TaskRun
from .workers import Job, Workers

__all__ = ["ExecutorService"]

_LOG = logging.getLogger(__name__)
_BEAT = 2.0
_POLL = 30.0
_BEATS_PER_SWEEP = 15


class ExecutorService:
    """Runs the tasks that a runservice gives it, each in a worker of its own.

    :param driver: set up already; stays the caller's to close.
    :param status: what the executor says of itself; ``siblings`` are filled in here.
    :param directory: the executor's, private and kept over restarts; see `log_file`.
    :param grace: seconds between asking a step's processes to end and killing them.
    :param listener: told of every state of a task, also of those that are never reported.
    """

    def __init__(
        self,
        driver: ExecutorDriver,
        client: RunserviceForExecutors,
        *,
        status: ExecutorStatus,
        step_types: Mapping[str, StepType],
        directory: Path,
        clock: Clock,
        grace: float = 10.0,
        listener: Listener | None = None,
    ) -> None:
        self._status = status
        self._driver = driver
        self._client = client
        self._shared = Shared(
            executor_id=status.id,
            driver=driver,
            client=client,
            clock=clock,
            step_types=StepTypes(step_types),
            deadlines=Deadlines(clock),
            directory=directory,
            grace=grace,
            listener=listener,
        )
        self._outbox = Outbox(self._shared)
        self._workers = Workers("task", status.limit, clock)
        self._tasks: dict[str, TaskRun] = {}
        self._known: set[str] = set()  # ended, and not acknowledged: of an earlier life
        self._closing = threading.Event()
        self._threads = [
            threading.Thread(target=self._take_work, name="executor-poll", daemon=True),
            threading.Thread(target=self._beat, name="executor-beat", daemon=True),
        ]

    # --- its life

    def start(self) -> None:
        """Clean up after an earlier life, register, and begin to take tasks.

        :raises Unavailable: the driver or the runservice cannot be reached.
        """
        tasks_directory(self._shared.directory).mkdir(parents=True, exist_ok=True)
        remove_orphans(self._driver, self._status.id, ())
        resumed = [self._resumed(report) for report in kept_outcomes(self._shared.directory)]
        self._register(tuple(self._known))
        self._outbox.start()
        for job in resumed:
            self._workers.submit(job)
        for thread in self._threads:
            thread.start()

    def drain(self) -> None:
        """Ask for no more tasks; those that run go on."""
        self._status = replace(self._status, draining=True)
        self._register()

    def close(self, grace: float = 10.0) -> None:
        """End every task, kill what is left after ``grace`` seconds, and hand in what can be handed in.

        What the runservice does not take in another ``grace`` seconds stays on
        the disk for the executor's next life. Idempotent.
        """
        if self._closing.is_set():
            return
        self._closing.set()
        for task in list(self._tasks.values()):
            task.end(SHUTDOWN)
        if not self._workers.close(grace):
            self._kill(grace)
        self._shared.closing.set()
        self._workers.close(1.0)
        self._outbox.close(grace)
        self._shared.deadlines.close()

    def _kill(self, grace: float) -> None:
        for task in list(self._tasks.values()):
            task.kill()
        self._workers.close(max(grace, 1.0))

    def _resumed(self, report: TaskReport) -> Job:
        progress = Progress.of(report)
        files = TaskFiles(self._shared.directory, report.task_id)
        delivery = Delivery.resumed(self._shared, progress, files)
        outcome = Outcome(progress, files, self._known.discard, kept=True)
        self._known.add(report.task_id)

        def deliver() -> None:
            if delivery.finish(outcome):
                self._outbox.ended(outcome)

        return deliver

    # --- what the runservice wants

    def _take_work(self) -> None:
        attempt = 0
        while not self._closing.is_set():
            try:
                self._accept(self._client.poll(self._status.id, _POLL))
            except Exception as error:
                self._no_work(error, attempt)
                attempt += 1
            else:
                attempt = 0

    def _no_work(self, error: Exception, attempt: int) -> None:
        if attempt == 0:
            said = self._shared.describe(error, "asking for work")
            _LOG.warning("the runservice gives no work, asking again: %s", said)
        self._closing.wait(self._shared.backoff(attempt))

    def _accept(self, work: Assignments) -> None:
        for task in work.start:
            self._begin(task)
        for task_id in work.stop:
            running = self._tasks.get(task_id)
            if running:
                running.end(STOPPED)

    def _begin(self, task: ExecutorTask) -> None:
        if task.id in self._tasks or task.id in self._known:
            return  # told twice: it runs, or its end is on its way
        run = self._tasks[task.id] = TaskRun(self._shared, self._outbox, task, self._forget)
        if self._closing.is_set():
            run.end(SHUTDOWN)
        self._workers.submit(run.run)

    def _forget(self, task_id: str) -> None:
        self._tasks.pop(task_id, None)

    # --- what it says of itself

    def _beat(self) -> None:
        beats = 0
        while not self._closing.wait(_BEAT):
            beats += 1
            try:
                self._register()
                self._outbox.remind()
                if beats % _BEATS_PER_SWEEP == 0:
                    remove_orphans(self._driver, self._status.id, self._tasks)
            except Exception as error:
                said = self._shared.describe(error, "the executor's heartbeat")
                _LOG.warning("the executor cannot say that it is alive: %s", said)

    def _register(self, known: tuple[str, ...] | None = None) -> None:
        siblings = tuple(self._driver.executors())
        self._client.register(replace(self._status, siblings=siblings, tasks=known))
