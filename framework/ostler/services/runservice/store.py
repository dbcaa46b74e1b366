"""All runs, wherever they are: active ones in the key-value store, archived ones in the datamanager.

A run is in the key-value store first and in the datamanager last, and while it
moves it is in both. So who looks in this order finds it, whatever happens meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ostler.datamanager import Datamanager
from ostler.errors import Conflict, NotFound
from ostler.kv import KeyValueStore
from ostler.runs.config import RunConfig
from ostler.runs.model import Run, Task
from ostler.spi.kv import Compare, Operation, Put

from .active import ActiveRuns, StoredRun
from .archive import Archive
from .archiving import Archiving
from .index import RunIndex
from .selection import RunPage, Selection
from .writing import write

__all__ = ["RunStore", "StoredRun"]


class RunStore:
    """Reads runs, writes active ones, and moves them into the archive.

    :param index: finds archived runs.
    """

    def __init__(self, kv: KeyValueStore, datamanager: Datamanager, index: RunIndex) -> None:
        self.kv = kv
        self.datamanager = datamanager
        self.index = index
        self.archive = Archive(datamanager)
        self._active = ActiveRuns(kv)
        self._archiving = Archiving(self._active, datamanager)

    def active(self) -> Iterator[StoredRun]:
        """Yield every run in the key-value store without its tasks, oldest first.

        Those that are over are there for a moment only, or because a process died.
        """
        return self._active.headers()

    def header(self, run_id: str) -> StoredRun:
        """Return a run without its tasks.

        :raises NotFound: there is no such run.
        """
        found = self._active.header(run_id)
        return found or _archived(self.archive.header(run_id), run_id)

    def run(self, run_id: str) -> StoredRun:
        """Return a run with its tasks, all as of one moment.

        :raises NotFound: there is no such run.
        """
        return self._active.run(run_id) or _archived(self.archive.run(run_id), run_id)

    def task(self, run_id: str, task_id: str) -> Task:
        """Return one task of a run.

        :raises NotFound: there is no such run, or it has no such task.
        """
        task = self._active.task(run_id, task_id)
        if task is None:
            task = _archived(self.archive.run(run_id), run_id).run.tasks.get(task_id)
        if task is None:
            raise NotFound(f"there is no task {task_id} of run {run_id}")
        return task

    def config(self, config_id: str) -> RunConfig:
        """Return a run config.

        :raises NotFound: there is no such run config.
        """
        config = self.archive.config(config_id)
        if config is None:
            raise NotFound(f"there is no run config {config_id}")
        return config

    def list(self, selection: Selection, limit: int | None = None) -> RunPage:
        """Return the runs that are selected, without their tasks, newest first.

        :param limit: how many at most; None: all.
        """
        # The order matters: what is archived in between is in both, never in none.
        active = [stored.run for stored in self._active.headers()]
        more = None if limit is None else limit + 1
        found = {run.id: run for run in active if selection.takes(run)}
        found |= {run.id: run for run in self.index.select(selection, more)}
        runs = [found[run_id] for run_id in sorted(found, reverse=True)]
        if limit is None or len(runs) <= limit:
            return RunPage(tuple(runs))
        return RunPage(tuple(runs[:limit]), runs[limit - 1].id)

    def resolve(self, name: str) -> str:
        """Return the id of the run that a person means: an id, the beginning of one, or ``latest``.

        :raises NotFound: nothing matches.
        :raises Conflict: several do; the message names them.
        """
        if name == "latest":
            matches = [run.id for run in self.list(Selection(), 1).runs]
        else:
            active = (stored.run.id for stored in self._active.headers())
            matches = [run_id for run_id in active if run_id.startswith(name)]
            matches = sorted({*matches, *self.archive.ids(name)})
        if not matches:
            raise NotFound(f"there is no run {name!r}; `ostler runs` lists them")
        if len(matches) > 1 and name not in matches:
            raise Conflict(f"{name!r} begins the ids of several runs: {', '.join(matches[-5:])}")
        return name if name in matches else matches[0]

    def write(
        self,
        compares: Sequence[Compare],
        operations: Sequence[Operation],
        *,
        created: Sequence[Put] = (),
    ) -> int | None:
        """Write to the key-value store under the rules of `write`."""
        return write(self.kv, compares, operations, created=created)

    def put_header(self, run: Run, owner: str) -> Put:
        """Return the operation that stores a run's header."""
        return self._active.put_header(run, owner)

    def put_task(self, run_id: str, task: Task) -> Put:
        """Return the operation that stores a task."""
        return self._active.put_task(run_id, task)

    def move(self, run_id: str) -> None:
        """Bring a run that is over into the archive, and out of the key-value store. Idempotent.

        Does nothing when it is not over, or not in the key-value store.

        :raises Unavailable: it does not work now; the run stays where it is.
        """
        self._archiving.move(run_id)


def _archived(run: Run | None, run_id: str) -> StoredRun:
    if run is None:
        raise NotFound(f"there is no run {run_id}")
    return StoredRun(run)
