"""The state of a run. Values only: who changes it is `ostler.runs.advance` and the actions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

__all__ = [
    "REASON",
    "ExecutorTaskRef",
    "OutputPhase",
    "Phase",
    "Result",
    "Run",
    "Status",
    "Step",
    "StepPhase",
    "Task",
]


REASON = "reason"
"""The annotation of a run in which stands why it ended as it did, where nobody asked for that."""


class Phase(Enum):
    """Where a run is. `SETUPERROR`, `FINISHED` and `CANCELLED` are final."""

    SETUPERROR = "setuperror"
    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        return self in (Phase.SETUPERROR, Phase.FINISHED, Phase.CANCELLED)


class Result(Enum):
    """How a run turned out; known as soon as it cannot change any more."""

    UNKNOWN = "unknown"
    SUCCESS = "success"
    FAILED = "failed"
    STOPPED = "stopped"


class Status(Enum):
    """Where a task is. Everything but `NOTSTARTED` and `RUNNING` is final."""

    NOTSTARTED = "notstarted"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    STOPPED = "stopped"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        return self not in (Status.NOTSTARTED, Status.RUNNING)


class StepPhase(Enum):
    """Where a step is."""

    NOTSTARTED = "notstarted"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    STOPPED = "stopped"
    CANCELLED = "cancelled"


class OutputPhase(Enum):
    """Where a log or an archive is: `FINISHED` means in object storage."""

    NOTSTARTED = "notstarted"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The state of a step, or of the setup of a task.

    Times are seconds since 1970-01-01 UTC; None: not yet.

    :param archive: of a step that leaves a workspace archive; None for others.
    """

    phase: StepPhase = StepPhase.NOTSTARTED
    start_time: float | None = None
    end_time: float | None = None
    exit_code: int | None = None
    log: OutputPhase = OutputPhase.NOTSTARTED
    archive: OutputPhase | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """The state of a task.

    :param waiting_approval: it could start but for the approval.
    :param reason: why it ended or waits as it does, for the person who looks; empty: nothing to say.
    """

    id: str
    status: Status = Status.NOTSTARTED
    waiting_approval: bool = False
    approved: bool = False
    annotations: Mapping[str, str] = field(default_factory=dict)
    setup: Step = Step()
    steps: tuple[Step, ...] = ()
    start_time: float | None = None
    end_time: float | None = None
    reason: str = ""

    @property
    def archived(self) -> bool:
        """Whether every workspace archive that it left is in object storage.

        Only a step that succeeded leaves one.
        """
        return all(
            step.archive is not OutputPhase.NOTSTARTED or step.phase is not StepPhase.SUCCESS
            for step in self.steps
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The state of a run.

    :param config_id: of its run config.
    :param counter: 1, 2, 3, … within the root group.
    :param group: ``/kind/name/kind/name…``; its first two parts are the root group.
    :param tasks: by task id.
    :param revision: of the store as it was read; 0: not stored.
    """

    id: str
    config_id: str
    name: str
    counter: int = 0
    group: str = ""
    phase: Phase = Phase.QUEUED
    result: Result = Result.UNKNOWN
    stop: bool = False
    annotations: Mapping[str, str] = field(default_factory=dict)
    tasks: Mapping[str, Task] = field(default_factory=dict)
    enqueue_time: float | None = None
    start_time: float | None = None
    end_time: float | None = None
    archived: bool = False
    revision: int = 0


@dataclass(frozen=True, slots=True)
class ExecutorTaskRef:
    """That a task was given to an executor.

    :param active: the executor has not reported a final status yet.
    """

    task_id: str
    active: bool = True
