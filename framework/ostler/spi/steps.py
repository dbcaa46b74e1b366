"""Step types: what a plugin implements to add a kind of step to tasks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

from .executor import Cancel
from .info import Reference
from .storage import Body, Readable

__all__ = ["ArchiveContent", "StepContext", "StepModel", "StepType"]


class StepModel(BaseModel):
    """The base of a step's configuration, as it stands in the run config.

    ``type`` is not a field: the reader has consumed it. Unknown keys are errors.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepType:
    """A step type.

    :param name: as it stands in the config: letters, digits and ``_``.
    :param summary: one line for listings; the step's default name.
    :param model: reference to its `StepModel`.
    :param run: reference to ``(config, StepContext) -> int``: the exit code;
        0 is success. An error raised fails the step with its message in the log.
    :param shorthand: the field that a plain string stands for (``run: make``
        means ``command``); empty: a plain string is an error.
    :param archives: True when the step leaves a workspace archive.
    """

    name: str
    summary: str
    model: Reference
    run: Reference
    shorthand: str = ""
    archives: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveContent:
    """What goes into an archive, and where.

    :param source_dir: in the pod; expanded; relative: to the working directory.
    :param dest_dir: within the archive; a leading ``/`` means its root.
    :param paths: globs relative to ``source_dir``: ``*`` stays within a part,
        ``**`` does not; a directory that matches brings all that is in it.
    """

    source_dir: str = "."
    dest_dir: str = "."
    paths: Sequence[str] = field(default=("**",))


class StepContext(ABC):
    """What a step may do: everything reaches the pod, the log and the storage through it."""

    @property
    @abstractmethod
    def environment(self) -> Mapping[str, str]:
        """The task's environment as the step's processes will see it (container's own apart)."""

    @property
    @abstractmethod
    def working_dir(self) -> str:
        """The task's working directory, absolute."""

    @property
    @abstractmethod
    def shell(self) -> str:
        """The task's shell, ``/bin/sh -e`` unless configured."""

    @property
    @abstractmethod
    def cancel(self) -> Cancel:
        """Set when the step must come to an end."""

    @abstractmethod
    def log(self, text: str) -> None:
        """Write a line to the step's log (secrets masked)."""

    @abstractmethod
    def exec(
        self,
        argv: Sequence[str],
        *,
        script: bytes | None = None,
        environment: Mapping[str, str] | None = None,
        working_dir: str | None = None,
        user: str | None = None,
        tty: bool = False,
        stdin: Readable | None = None,
    ) -> int:
        """Run a process in the pod, its output into the step's log; return its exit code.

        ``environment`` is added to the task's; ``working_dir`` is expanded as
        `directory` does, None: the task's; ``user`` None: the task's.

        Signals and timeouts are handled: when the step is cancelled the
        process is ended and this raises `Conflict` (code ``"cancelled"``).
        """

    @abstractmethod
    def capture(
        self,
        argv: Sequence[str],
        *,
        script: bytes | None = None,
        stdin: Readable | None = None,
        working_dir: str | None = None,
        limit: int = 1 << 20,
    ) -> tuple[int, bytes]:
        """Run a process and return its exit code and standard output (at most ``limit`` bytes).

        Its standard error goes to the step's log.

        :raises BadRequest: it wrote more than ``limit``.
        """

    @abstractmethod
    def directory(self, path: str, *, create: bool = False) -> str:
        """Return ``path`` expanded inside the pod, absolute; relative: to the working directory."""

    @abstractmethod
    def pack(self, contents: Sequence[ArchiveContent]) -> Body:
        """Return a tar stream of what ``contents`` match.

        :raises BadRequest: one of the contents matches nothing (raised at the
            latest when the stream would end).
        """

    @abstractmethod
    def unpack(self, source: Readable, dest_dir: str, *, origin: str = "") -> None:
        """Unpack a tar stream below ``dest_dir`` (expanded, made when absent).

        What exists is overwritten and said in the log.

        :param origin: name of the task that the archive is from, for the log; empty: of none.
        :raises BadRequest: a member would leave ``dest_dir`` or is a device.
        """

    @abstractmethod
    def save_workspace(self, source: Readable) -> None:
        """Keep ``source`` as this step's workspace archive.

        It is on the executor's disk when this returns, and in object storage
        before the task is said to have ended.
        """

    @abstractmethod
    def workspace_archives(self) -> Sequence[tuple[str, Body]]:
        """Open the workspace archives of all ancestors: (task name, archive), by level, then name, then step."""

    @abstractmethod
    def render_cache_key(self, template: str) -> str:
        """Render a cache key template inside the pod.

        :raises BadRequest: the template is wrong, or the key is longer than 200 characters.
        """

    @abstractmethod
    def find_cache(self, key: str, *, prefix: bool) -> str | None:
        """Return the full name of the cache ``key``, or with ``prefix`` of the newest that begins so."""

    @abstractmethod
    def open_cache(self, name: str) -> Body:
        """Open a cache that `find_cache` named."""

    @abstractmethod
    def save_cache(self, key: str, source: Readable) -> bool:
        """Keep ``source`` as the cache ``key``; False when it exists already (kept as it is)."""
