"""What a policy or an observer sees of runs, tasks and executors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["ExecutorView", "RunEvent", "RunView", "TaskView"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A run, for policies and observers."""

    id: str
    name: str
    counter: int
    group: str
    phase: str
    result: str
    annotations: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskView:
    """A task of a run.

    :param labels: that an executor must carry.
    :param approvals: as the task's own configuration asks; None: not said.
    """

    id: str
    run_id: str
    name: str
    arch: str
    labels: Mapping[str, str]
    privileged: bool
    annotations: Mapping[str, str]
    approvals: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorView:
    """An executor that could take a task now.

    :param active: executor tasks stored as active on it.
    :param free: slots left; None: unlimited.
    """

    id: str
    group: str
    archs: Sequence[str]
    labels: Mapping[str, str]
    active: int
    free: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent:
    """A change of a run's phase or result.

    :param time: seconds since 1970-01-01 UTC.
    """

    run: RunView
    time: float
    previous_phase: str
    previous_result: str
