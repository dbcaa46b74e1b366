"""One task, from the start of its pod to its end."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from ostler.errors import Error
from ostler.masking import Masker
from ostler.pods import EventCancel
from ostler.runs.config import TaskConfig
from ostler.runs.model import Status, StepPhase
from ostler.services.api import ExecutorTask
from ostler.spi.executor import ContainerConfig, Pod, PodConfig

from .context import PodStepContext, TaskPod
from .delivery import Delivery
from .files import TaskFiles
from .logs import LogFile
from .outbox import Outbox
from .outcome import Outcome
from .progress import Progress
from .shared import Shared

__all__ = ["SHUTDOWN", "STOPPED", "TaskRun", "Verdict", "timed_out"]

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a task was made to end: what becomes of it, and of the step that ran."""

    status: Status
    step: StepPhase
    reason: str


STOPPED = Verdict(Status.STOPPED, StepPhase.STOPPED, "stopped")
SHUTDOWN = Verdict(Status.FAILED, StepPhase.STOPPED, "the executor was shut down")


def timed_out(seconds: float) -> Verdict:
    """Return the verdict on a task that takes longer than it may."""
    return Verdict(Status.FAILED, StepPhase.FAILED, f"timed out after {_span(seconds)}")


def _span(seconds: float) -> str:
    whole = int(seconds)
    if seconds != whole or not whole:
        return f"{seconds:g}s"
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    parts = ((hours, "h"), (minutes, "m"), (rest, "s"))
    return "".join(f"{value}{unit}" for value, unit in parts if value)


class TaskRun:
    """Runs one task in the thread that calls `run`; `end` may come from any other.

    :param done: called with the task's id when its end was acknowledged.
    """

    def __init__(
        self, shared: Shared, outbox: Outbox, task: ExecutorTask, done: Callable[[str], None]
    ) -> None:
        self._shared = shared
        self._outbox = outbox
        self._task = task
        self._config = task.config
        self._done = done
        self._cancel = EventCancel()
        self._verdicts: list[Verdict] = []  # the first one counts
        self._pod: Pod | None = None
        self._progress = Progress(task.config)
        self._files = TaskFiles(shared.directory, task.id)
        self._delivery = Delivery(shared, self._progress, self._files)
        self._failure = ""

    def end(self, verdict: Verdict) -> None:
        """Make the task end; returns at once. Only the first verdict counts. Never raises."""
        self._verdicts.append(verdict)
        try:
            self._cancel.set()
        except Exception:
            _LOG.exception("task %s may end late: what should end it failed", self._task.id)

    def kill(self) -> None:
        """Kill every process of the task, in a thread of its own."""
        pod = self._pod
        if pod is not None:
            threading.Thread(target=self._kill, args=(pod,), name="kill", daemon=True).start()

    def run(self) -> None:
        """Run the task and hand its outcome in. Never raises."""
        try:
            self._run()
        except Exception as error:
            self._failure = self._shared.describe(error, f"task {self._task.id}")
        self._finish()

    # --- the work

    def _run(self) -> None:
        self._progress.begin(self._shared.clock.now())
        self._changed()
        if self._config.timeout is None:
            self._in_pod()
            return
        timeout = self._config.timeout
        call_off = self._shared.deadlines.add(timeout, lambda: self.end(timed_out(timeout)))
        try:
            self._in_pod()
        finally:
            call_off()

    def _in_pod(self) -> None:
        try:
            home = self._setup()
            if home is not None:
                self._steps(home)
        finally:
            self._remove_pod()

    def _setup(self) -> TaskPod | None:
        log = LogFile(self._files, None, self._config.secrets)
        home: TaskPod | None = None
        try:
            home = self._make_ready(log)
            phase = StepPhase.SUCCESS
        except Exception as error:
            phase = self._ended_by(error, log, "the setup")
        log.end()
        self._progress.end_step(None, phase, self._shared.clock.now())
        self._delivery.add_log(log)
        return home

    def _make_ready(self, log: LogFile) -> TaskPod:
        config = self._config
        pod_config = PodConfig(
            id=config.id,
            task_id=config.id,
            arch=config.arch,
            containers=_of_user(config),
            registries_auth=config.registries_auth,
        )
        pod = self._pod = self._shared.driver.new_pod(pod_config, log, self._cancel)
        environment = {**config.environment, **self._task.environment}
        working_dir = pod.directory(
            config.working_dir, environment=environment, user=config.user, create=True
        )
        return TaskPod(
            task=self._task,
            pod=pod,
            environment=environment,
            working_dir=working_dir,
            cancel=self._cancel,
            files=self._files,
        )

    def _steps(self, home: TaskPod) -> None:
        last = len(self._config.steps) - 1
        for number in range(last + 1):
            if self._cancel.is_set() or not self._step(home, number):
                return
            if number < last:
                self._delivery.attempt()

    def _step(self, home: TaskPod, number: int) -> bool:
        """Run a step; return whether it succeeded."""
        progress, clock = self._progress, self._shared.clock
        log = LogFile(self._files, number, self._config.secrets)
        progress.begin_step(number, clock.now())
        self._changed()
        phase, code = self._run_step(home, number, log)
        log.end()
        progress.end_step(number, phase, clock.now(), code)
        self._delivery.add_log(log)
        self._changed()
        return phase is StepPhase.SUCCESS

    def _run_step(self, home: TaskPod, number: int, log: LogFile) -> tuple[StepPhase, int | None]:
        step = self._config.steps[number]
        context = PodStepContext(
            self._shared, home, number, log, lambda: self._delivery.add_archive(number)
        )
        try:
            code = self._shared.step_types.runner(step)(context)
        except Exception as error:
            return self._ended_by(error, log, f"step {step.name or step.type!r}"), None
        if code:
            self._failure = f"step {step.name or step.type!r} failed with exit code {code}"
            return StepPhase.FAILED, code
        return StepPhase.SUCCESS, code

    def _ended_by(self, error: Exception, log: LogFile, what: str) -> StepPhase:
        """Say in the log what ended the setup or a step; return the phase that it is in now."""
        if self._verdicts:
            verdict = self._verdicts[0]
            _say(log, verdict.reason)
            return verdict.step
        message = self._masked(self._shared.describe(error, f"{what} of task {self._task.id}"))
        self._failure = f"{what} failed: {message}"
        _say(log, f"error: {message}")
        return StepPhase.FAILED

    def _masked(self, text: str) -> str:
        masker = Masker(self._config.secrets)
        return (masker.feed(text.encode(errors="replace")) + masker.flush()).decode()

    # --- the end

    def _remove_pod(self) -> None:
        if self._pod is None:
            return
        try:
            self._pod.remove()
        except Error as error:
            # Not the task's fault; the executor removes it when it looks for such pods.
            _LOG.error("the pod of task %s cannot be removed: %s", self._task.id, error.message)

    def _finish(self) -> None:
        status, reason = self._result()
        self._progress.end(status, reason, self._shared.clock.now())
        outcome = Outcome(self._progress, self._files, self._done)
        if self._delivery.finish(outcome):
            self._tell(outcome)

    def _result(self) -> tuple[Status, str]:
        if self._failure:
            return Status.FAILED, self._failure
        if all(step.phase is StepPhase.SUCCESS for step in self._progress.steps) and self._ready:
            return Status.SUCCESS, ""
        verdict = self._verdicts[0]
        return verdict.status, verdict.reason

    @property
    def _ready(self) -> bool:
        return self._progress.setup.phase is StepPhase.SUCCESS

    def _changed(self) -> None:
        self._outbox.changed(self._progress)
        self._shared.tell(self._progress.report)

    def _tell(self, outcome: Outcome) -> None:
        self._shared.tell(outcome.report)
        self._outbox.ended(outcome)

    def _kill(self, pod: Pod) -> None:
        try:
            pod.stop(0)
        except Error as error:
            _LOG.error("the pod of task %s cannot be killed: %s", self._task.id, error.message)


def _of_user(config: TaskConfig) -> tuple[ContainerConfig, ...]:
    """Return the task's containers, the one of its steps with the task's user."""
    first, *services = config.containers
    return (replace(first, user=config.user or first.user), *services)


def _say(log: LogFile, text: str) -> None:
    """Write a last line; a log that cannot be written is no reason to lose the task's end."""
    try:
        log.line(text)
    except Error as error:
        _LOG.error("%s; what it should have said: %s", error.message, text)
