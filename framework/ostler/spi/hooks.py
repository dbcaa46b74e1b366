"""The hooks. A plugin implements any of them with `hookimpl`; each docstring is its documentation.

Hooks compose what exists; they are not on the data path. Arguments may be left
out of an implementation's signature, as in pluggy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    import click

    from .configs import ConfigFormat
    from .executor import ExecutorType
    from .kv import KvType
    from .runs import ExecutorView, RunEvent, RunView, TaskView
    from .steps import StepType
    from .storage import StorageType

__all__ = ["PROJECT", "HookSpecs", "hookimpl", "hookspec"]

PROJECT = "ostler"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class HookSpecs:
    """Every hook that the host calls."""

    @hookspec
    def ostler_storages(self) -> Sequence[StorageType]:  # type: ignore[empty-body]
        """Return the object storage types that the plugin offers."""

    @hookspec
    def ostler_kvs(self) -> Sequence[KvType]:  # type: ignore[empty-body]
        """Return the key-value store types that the plugin offers."""

    @hookspec
    def ostler_executors(self) -> Sequence[ExecutorType]:  # type: ignore[empty-body]
        """Return the executor driver types that the plugin offers."""

    @hookspec
    def ostler_step_types(self) -> Sequence[StepType]:  # type: ignore[empty-body]
        """Return the step types that the plugin offers."""

    @hookspec
    def ostler_config_formats(self) -> Sequence[ConfigFormat]:  # type: ignore[empty-body]
        """Return the run-config formats that the plugin reads."""

    @hookspec(firstresult=True)
    def ostler_rank_executors(
        self, task: TaskView, candidates: Sequence[ExecutorView]
    ) -> Sequence[str] | None:
        """Rank executors that could take ``task``: ids, best first; None: no opinion.

        Candidates that are left out are not used for this task now.
        """

    @hookspec(firstresult=True)
    def ostler_required_approvals(self, run: RunView, task: TaskView) -> int | None:
        """Return how many approvers a task that waits for approval needs; None: no opinion."""

    @hookspec
    def ostler_run_event(self, event: RunEvent) -> None:
        """Be told of every change of a run's phase or result, at least once."""

    @hookspec
    def ostler_task_environment(self, run: RunView, task: TaskView) -> Mapping[str, str]:  # type: ignore[empty-body]
        """Return variables to add to a task's environment as it starts."""

    @hookspec
    def ostler_commands(self) -> Sequence[click.Command]:  # type: ignore[empty-body]
        """Return commands to add to ``ostler``."""

    @hookspec
    def ostler_workloads(self) -> Sequence[Any]:  # type: ignore[empty-body]
        """Return benchmark workloads for ``ostler bench``."""
