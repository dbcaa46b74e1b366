"""Decisions that plugins may take part in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ostler.runs.model import Run
from ostler.spi.runs import ExecutorView, RunEvent, RunView, TaskView

__all__ = ["Policies"]


def _one_approval(_run: RunView, task: TaskView) -> int:
    return 1 if task.approvals is None else task.approvals


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """What the runservice and the scheduler ask, each with a default.

    :param rank: order of executors for a task, see the hook ``ostler_rank_executors``;
        None: most free slots first.
    :param required_approvals: approvers that a waiting task needs.
    :param task_environment: variables to add to a task as it starts; None: none.
    :param tell: told of every change of a run's phase or result; None: nobody listens.
    :param watch: called in the runservice's thread after every stored change
        of an owned run, with the ids of its tasks that changed; must be quick.
    :param fail_unplaceable: a task that no executor could ever take fails,
        instead of waiting for one that may come.
    """

    rank: Callable[[TaskView, Sequence[ExecutorView]], Sequence[str] | None] | None = None
    required_approvals: Callable[[RunView, TaskView], int] = _one_approval
    task_environment: Callable[[RunView, TaskView], Mapping[str, str]] | None = None
    tell: Callable[[RunEvent], None] | None = None
    watch: Callable[[Run, frozenset[str]], None] | None = None
    fail_unplaceable: bool = False
