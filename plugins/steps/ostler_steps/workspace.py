"""The steps `save_to_workspace` and `restore_workspace`."""

from __future__ import annotations

from ostler.spi import StepContext

from .models import RestoreWorkspaceStep, SaveToWorkspaceStep

__all__ = ["restore", "save"]


def save(config: SaveToWorkspaceStep, context: StepContext) -> int:
    """Keep what the contents match as this step's workspace archive."""
    with context.pack([content.value() for content in config.contents]) as archive:
        context.save_workspace(archive)
    return 0


def restore(config: RestoreWorkspaceStep, context: StepContext) -> int:
    """Unpack the archives of all ancestors, the later over the earlier."""
    archives = context.workspace_archives()
    if not archives:
        context.log("no task that this one depends on has saved anything to the workspace")
    for task_name, archive in archives:
        context.log(f"restoring what task {task_name} saved")
        with archive:
            context.unpack(archive, config.dest_dir, origin=task_name)
    return 0
