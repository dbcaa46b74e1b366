"""What the services say to each other: values and protocols, the same in one process and over a wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ostler.runs.config import TaskConfig
from ostler.runs.reports import TaskReport
from ostler.spi.storage import Body, Readable

__all__ = [
    "Assignments",
    "ExecutorStatus",
    "ExecutorTask",
    "RunserviceForExecutors",
    "TaskReport",
    "WorkspaceArchive",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorStatus:
    """What an executor says of itself when it registers, and every time it repeats that.

    :param limit: tasks at once; None: unlimited.
    :param siblings: executors of its group that are alive, as its driver sees them.
    :param tasks: said once, in the first registration of an executor's life: ids of
        tasks whose end it still has to tell. Any other that an earlier life was
        given and did not finish has failed ("executor restarted").
    """

    id: str
    driver: str
    archs: Sequence[str]
    labels: Mapping[str, str] = field(default_factory=dict)
    limit: int | None = None
    dynamic: bool = False
    group: str = ""
    siblings: Sequence[str] = ()
    allow_privileged: bool = False
    draining: bool = False
    tasks: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class WorkspaceArchive:
    """A workspace archive that a task's ancestors left: name of the task, its id, number of the step."""

    task_name: str
    task_id: str
    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorTask:
    """A task as it is given to an executor: all that is needed to run it.

    :param environment: of the run, static then dynamic; the task's own is in ``config``.
    :param cache_prefix: goes before every cache key (the root group, escaped).
    :param archives: of all ancestors, by level, then name, then step.
    """

    run_id: str
    run_name: str
    config: TaskConfig
    environment: Mapping[str, str] = field(default_factory=dict)
    cache_prefix: str = ""
    archives: tuple[WorkspaceArchive, ...] = ()

    @property
    def id(self) -> str:
        return self.config.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignments:
    """What an executor must do now.

    :param start: tasks that it has not been told before.
    :param stop: ids of tasks that must come to an end.
    """

    start: tuple[ExecutorTask, ...] = ()
    stop: tuple[str, ...] = ()


class RunserviceForExecutors(Protocol):
    """The runservice as an executor sees it. Everything may raise `Unavailable`: try again."""

    def register(self, status: ExecutorStatus) -> None:
        """Make the executor known, or say that it is still there."""

    def poll(self, executor_id: str, timeout: float) -> Assignments:
        """Wait up to ``timeout`` seconds for something to do; answers at once when there is."""

    def report(self, executor_id: str, reports: Sequence[TaskReport]) -> None:
        """Take reports; durable when it returns, with the logs that final ones name. At most one per task."""

    def put_log(self, task_id: str, step: int | None, source: Readable, size: int) -> None:
        """Store a whole log; ``step`` None: the setup's. Idempotent.

        Durable when the report that calls it finished and its task final has been taken:
        the logs of many tasks then become so together.
        """

    def put_archive(self, task_id: str, step: int, source: Readable) -> None:
        """Store a workspace archive. Durable when it returns, idempotent."""

    def open_archive(self, archive: WorkspaceArchive) -> Body:
        """Open a workspace archive of an ancestor.

        :raises NotFound: it is gone.
        """

    def find_cache(self, key: str, *, prefix: bool) -> str | None:
        """Return the name of the cache with that key, or with ``prefix`` of the newest that begins so."""

    def open_cache(self, name: str) -> Body:
        """Open a cache that `find_cache` named.

        :raises NotFound: it was removed meanwhile.
        """

    def put_cache(self, key: str, source: Readable) -> bool:
        """Store a cache; False when the key exists already (and is kept as it is)."""
