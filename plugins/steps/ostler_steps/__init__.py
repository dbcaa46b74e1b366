"""The step types that every task can use."""

from __future__ import annotations

from collections.abc import Sequence

from ostler.spi import StepType, hookimpl

ostler_spi_version = (1, 0)


@hookimpl
def ostler_step_types() -> Sequence[StepType]:
    """Return the six of them."""
    return [
        StepType(
            name="run",
            summary="run a command",
            model="ostler_steps.models:RunStep",
            run="ostler_steps.run:run",
            shorthand="command",
        ),
        StepType(
            name="clone",
            summary="check out the repository",
            model="ostler_steps.models:CloneStep",
            run="ostler_steps.clone:clone",
        ),
        StepType(
            name="save_to_workspace",
            summary="keep files for later tasks",
            model="ostler_steps.models:SaveToWorkspaceStep",
            run="ostler_steps.workspace:save",
            archives=True,
        ),
        StepType(
            name="restore_workspace",
            summary="restore the files of earlier tasks",
            model="ostler_steps.models:RestoreWorkspaceStep",
            run="ostler_steps.workspace:restore",
        ),
        StepType(
            name="save_cache",
            summary="keep files for later runs",
            model="ostler_steps.models:SaveCacheStep",
            run="ostler_steps.cache:save",
        ),
        StepType(
            name="restore_cache",
            summary="restore the files of earlier runs",
            model="ostler_steps.models:RestoreCacheStep",
            run="ostler_steps.cache:restore",
        ),
    ]
