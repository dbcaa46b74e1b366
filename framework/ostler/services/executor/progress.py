"""The state of a task as its worker brings it forward."""

from __future__ import annotations

from ostler.runs.config import TaskConfig
from ostler.runs.model import OutputPhase, Status, Step, StepPhase
from ostler.services.api import TaskReport

__all__ = ["Progress"]


class Progress:
    """Changed by the task's worker only; `report` may be called from any thread.

    Each step is replaced as a whole, so that nobody ever sees half a change.
    """

    __slots__ = ("end_time", "reason", "setup", "start_time", "status", "steps", "task_id")

    def __init__(self, config: TaskConfig) -> None:
        self.task_id = config.id
        self.status = Status.NOTSTARTED
        self.setup = Step()
        self.steps = [
            Step(archive=OutputPhase.NOTSTARTED if step.archives else None) for step in config.steps
        ]
        self.start_time: float | None = None
        self.end_time: float | None = None
        self.reason = ""

    @classmethod
    def of(cls, report: TaskReport) -> Progress:
        """Take up where a report left off."""
        progress = cls(TaskConfig(id=report.task_id, name=""))
        progress.status, progress.setup = report.status, report.setup
        progress.steps = list(report.steps)
        progress.start_time, progress.end_time = report.start_time, report.end_time
        progress.reason = report.reason
        return progress

    def report(self) -> TaskReport:
        """Return the state of a task whose logs and archives are not all stored yet: not ended."""
        return TaskReport(
            task_id=self.task_id,
            status=Status.RUNNING,
            setup=self.setup,
            steps=tuple(self.steps),
            start_time=self.start_time,
        )

    def final_report(self) -> TaskReport:
        """Return the state of a task that has ended."""
        return TaskReport(
            task_id=self.task_id,
            status=self.status,
            setup=self.setup,
            steps=tuple(self.steps),
            start_time=self.start_time,
            end_time=self.end_time,
            reason=self.reason,
        )

    def begin(self, now: float) -> None:
        """The setup has begun."""
        self.status, self.start_time = Status.RUNNING, now
        self.setup = Step(phase=StepPhase.RUNNING, start_time=now)

    def begin_step(self, number: int, now: float) -> None:
        """A step has begun."""
        archive = self.steps[number].archive
        self.steps[number] = Step(phase=StepPhase.RUNNING, start_time=now, archive=archive)

    def end_step(
        self, number: int | None, phase: StepPhase, now: float, exit_code: int | None = None
    ) -> None:
        """A step (None: the setup) has ended."""
        step = self.step(number)
        ended = Step(
            phase=phase,
            start_time=step.start_time,
            end_time=now,
            exit_code=exit_code,
            archive=step.archive,
        )
        self._replace(number, ended)

    def end(self, status: Status, reason: str, now: float) -> None:
        """Nothing more is done: what did not begin never will."""
        self.status, self.reason, self.end_time = status, reason, now
        for number, step in enumerate(self.steps):
            if step.phase is StepPhase.NOTSTARTED:
                self.steps[number] = Step(phase=StepPhase.CANCELLED, archive=step.archive)

    def fail(self, reason: str) -> None:
        """Something went wrong after the end: what had failed before keeps its own reason."""
        if self.status is not Status.FAILED:
            self.status, self.reason = Status.FAILED, reason

    def step(self, number: int | None) -> Step:
        """Return a step, or the setup."""
        return self.setup if number is None else self.steps[number]

    def log_stored(self, number: int | None) -> None:
        """The log is in object storage."""
        self._stored(number, log=OutputPhase.FINISHED, archive=self.step(number).archive)

    def archive_stored(self, number: int) -> None:
        """The archive is in object storage."""
        self._stored(number, log=self.steps[number].log, archive=OutputPhase.FINISHED)

    def _stored(self, number: int | None, *, log: OutputPhase, archive: OutputPhase | None) -> None:
        step = self.step(number)
        stored = Step(
            phase=step.phase,
            start_time=step.start_time,
            end_time=step.end_time,
            exit_code=step.exit_code,
            log=log,
            archive=archive,
        )
        self._replace(number, stored)

    def _replace(self, number: int | None, step: Step) -> None:
        if number is None:
            self.setup = step
        else:
            self.steps[number] = step
