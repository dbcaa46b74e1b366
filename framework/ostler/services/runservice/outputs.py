"""Logs, workspace archives and caches in object storage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple
from urllib.parse import quote

from ostler.errors import Conflict
from ostler.ost import ObjectStorage
from ostler.runs import layout
from ostler.runs.config import TaskConfig
from ostler.runs.model import OutputPhase, Step, Task
from ostler.services.api import WorkspaceArchive
from ostler.spi.storage import Body, ObjectInfo, Readable

__all__ = ["Outputs", "TaskOutputs"]


class TaskOutputs(NamedTuple):
    """Which outputs of a task are said to be in object storage."""

    task_id: str
    setup: Step
    steps: Sequence[Step]


class Outputs:
    """What tasks leave in object storage, by the layout of `ostler.runs.layout`."""

    def __init__(self, ost: ObjectStorage) -> None:
        self.ost = ost

    def probe(self, name: str) -> None:
        """Write and remove an object: what cannot be written is to be known before a run needs it.

        :param name: nobody else's.
        :raises Unavailable: it does not work now, not even after a minute of trying.
        :raises Error: what else the storage says.
        """
        key = f"probes/{name}"
        self.ost.put(key, b"", persist=False)
        self.ost.delete(key)

    def refer(self, run_id: str, task_id: str, *, archives: bool, persist: bool = True) -> None:
        """Say that a run refers to a task's logs, and to its archives if it leaves any.

        Written before the first byte of them, or before a run that shares them can be seen.

        :param persist: False where no other run refers to them: then nothing is
            lost with the marker, because nobody but this run could remove them.
        """
        self.ost.put(layout.log_marker(task_id, run_id), b"", persist=persist)
        if archives:
            self.ost.put(layout.archive_marker(task_id, run_id), b"", persist=persist)

    def put_log(self, task_id: str, step: int | None, source: Readable, size: int) -> None:
        """Store a whole log; it is durable after `persist_logs`."""
        self.ost.put(layout.log_key(task_id, step), source, size=size, persist=False)

    def persist_logs(self, tasks: Iterable[TaskOutputs]) -> None:
        """Make every log of these tasks durable that is said to be in object storage."""
        self.ost.persist(key for task in tasks for key in _log_keys(task))

    def open_log(self, task_id: str, step: int | None, start: int = 0) -> Body:
        """Open a stored log at a byte offset.

        :raises NotFound: it is not in object storage.
        """
        return self.ost.get(layout.log_key(task_id, step), start)

    def open_log_end(self, task_id: str, step: int | None, size: int) -> Body:
        """Open the last ``size`` bytes of a stored log, all of it when it has no more.

        :raises NotFound: it is not in object storage.
        """
        key = layout.log_key(task_id, step)
        return self.ost.get(key, max(0, self.ost.stat(key).size - size))

    def put_archive(self, task_id: str, step: int, source: Readable) -> None:
        """Store a workspace archive."""
        self.ost.put(layout.archive_key(task_id, step), source)

    def open_archive(self, archive: WorkspaceArchive) -> Body:
        """Open a workspace archive.

        :raises NotFound: it is gone.
        """
        return self.ost.get(layout.archive_key(archive.task_id, archive.step))

    def present(self, task: Task, config: TaskConfig) -> bool:
        """Return whether every log and archive of a task that is said to be there really is."""
        return all(self.ost.exists(key) for key in _expected(task, config))

    def find_cache(self, key: str, *, prefix: bool) -> str | None:
        """Return the name of the cache ``key``, or with ``prefix`` of the newest that begins so."""
        name = _cache_name(key)
        if not prefix:
            return name if self.ost.exists(layout.cache_key(name)) else None
        newest = max(self._caches(name), key=lambda info: (info.modified, info.key), default=None)
        if newest is None:
            return None
        return newest.key[len(layout.caches_prefix()) : -len(".tar")]

    def open_cache(self, name: str) -> Body:
        """Open a cache by the name that `find_cache` returned.

        :raises NotFound: it was removed meanwhile.
        """
        return self.ost.get(layout.cache_key(name))

    def put_cache(self, key: str, source: Readable) -> bool:
        """Store a cache; False when there is one of that key."""
        name = layout.cache_key(_cache_name(key))
        if self.ost.exists(name):
            return False
        try:
            self.ost.put(name, source, if_absent=True)
        except Conflict:
            return False
        return True

    def remove_old_caches(self, older_than: float) -> int:
        """Remove caches last written before ``older_than`` (seconds since 1970); return how many."""
        old = [info.key for info in self._caches("") if info.modified < older_than]
        self.ost.delete_many(old)
        return len(old)

    def release(self, run_id: str, task_ids: Iterable[str]) -> None:
        """Take a run's references back, and remove what nobody refers to any more."""
        for task_id in task_ids:
            self._release(layout.log_marker(task_id, run_id), layout.logs_prefix(task_id))
            self._release(layout.archive_marker(task_id, run_id), layout.archives_prefix(task_id))

    def _release(self, marker: str, prefix: str) -> None:
        self.ost.delete(marker)
        if next(iter(self.ost.list(f"{prefix}runs/")), None) is None:
            self.ost.delete_many(
                [info.key for info in self.ost.list(prefix) if isinstance(info, ObjectInfo)]
            )

    def _caches(self, name: str) -> Iterable[ObjectInfo]:
        for info in self.ost.list(layout.caches_prefix() + name):
            if isinstance(info, ObjectInfo):
                yield info


def _cache_name(key: str) -> str:
    return quote(key, safe="-._")


def _log_keys(task: TaskOutputs) -> Iterator[str]:
    if task.setup.log is OutputPhase.FINISHED:
        yield layout.log_key(task.task_id, None)
    for number, step in enumerate(task.steps):
        if step.log is OutputPhase.FINISHED:
            yield layout.log_key(task.task_id, number)


def _expected(task: Task, config: TaskConfig) -> Iterator[str]:
    yield from _log_keys(TaskOutputs(task.id, task.setup, task.steps))
    for number, step in enumerate(config.steps):
        if step.archives:
            yield layout.archive_key(task.id, number)
