"""What can be configured of each step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ostler.spi import ArchiveContent, StepModel

__all__ = [
    "CloneStep",
    "Content",
    "RestoreCacheStep",
    "RestoreWorkspaceStep",
    "RunStep",
    "SaveCacheStep",
    "SaveToWorkspaceStep",
]

_Text = Annotated[str, Field(min_length=1)]


class RunStep(StepModel):
    """Run a command.

    :param command: a script for the shell.
    :param environment: added to the task's.
    :param working_dir: relative to the task's; empty: the task's.
    :param shell: the shell and its options; empty: the task's.
    :param user: empty: the task's.
    :param tty: the command gets a terminal.
    """

    command: _Text
    environment: Mapping[str, str] = Field(default_factory=dict)
    working_dir: str = ""
    shell: str = ""
    user: str = ""
    tty: bool = True


class CloneStep(StepModel):
    """Check out the repository that the run is for into the working directory.

    :param depth: so many commits of the history; None: all of it.
    :param recurse_submodules: submodules too, and theirs.
    """

    depth: Annotated[int, Field(ge=1)] | None = None
    recurse_submodules: bool = False


class Content(BaseModel):
    """What goes into an archive, see `ArchiveContent`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source_dir: _Text = "."
    dest_dir: str = "."
    paths: Annotated[list[_Text], Field(min_length=1)] = ["**"]

    def value(self) -> ArchiveContent:
        """Return it as the step context takes it."""
        return ArchiveContent(
            source_dir=self.source_dir, dest_dir=self.dest_dir, paths=tuple(self.paths)
        )


_Contents = Annotated[list[Content], Field(min_length=1)]


class SaveToWorkspaceStep(StepModel):
    """Keep files for the tasks that depend on this one."""

    contents: _Contents


class RestoreWorkspaceStep(StepModel):
    """Restore what every task that this one depends on has kept.

    :param dest_dir: relative to the working directory.
    """

    dest_dir: _Text = "."


class SaveCacheStep(StepModel):
    """Keep files for later runs, unless there is a cache of that key.

    :param key: a template, such as ``pip-{{ md5sum "requirements.txt" }}``.
    """

    key: _Text
    contents: _Contents


class RestoreCacheStep(StepModel):
    """Restore the newest cache whose key begins with the first of ``keys`` that finds one.

    :param keys: templates.
    :param dest_dir: relative to the working directory.
    """

    keys: Annotated[list[_Text], Field(min_length=1)]
    dest_dir: _Text = "."
