"""Active runs: each a header and its tasks, keys of their own in the key-value store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ostler.kv import KeyValueStore
from ostler.runs import codec
from ostler.runs.model import Run, Task
from ostler.spi.kv import Delete, KeyValue, Operation, Put

from . import keys
from .values import at_revision, dump, load

__all__ = ["ActiveRuns", "StoredRun"]


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run as it is stored.

    :param run: with its tasks when they were asked for; its revision is the header's.
    :param owner: id of the instance that advances it; empty: nobody, it is over.
    """

    run: Run
    owner: str = ""


class ActiveRuns:
    """Reads runs in the key-value store, and says what writes them."""

    def __init__(self, kv: KeyValueStore) -> None:
        self._kv = kv

    def headers(self) -> Iterator[StoredRun]:
        """Yield every run without its tasks, oldest first."""
        for item in self._kv.items(keys.RUNS):
            yield _stored(item, {})

    def header(self, run_id: str) -> StoredRun | None:
        """Return a run without its tasks; None: there is none."""
        item = self._kv.get(keys.run(run_id))
        return _stored(item, {}) if item else None

    def run(self, run_id: str) -> StoredRun | None:
        """Return a run with its tasks, all as of one revision; None: there is none."""
        at = self._kv.list(keys.tasks(run_id), limit=1).revision
        header = self._kv.list(keys.run(run_id), limit=1, revision=at).items
        if not header or header[0].key != keys.run(run_id):
            return None
        return _stored(header[0], self._tasks(run_id, at))

    def task(self, run_id: str, task_id: str) -> Task | None:
        """Return one task of a run; None: there is no such run, or it has no such task."""
        item = self._kv.get(keys.task(run_id, task_id))
        return codec.decode_task(load(item)) if item else None

    def put_header(self, run: Run, owner: str) -> Put:
        """Return the operation that stores a run's header."""
        return Put(keys.run(run.id), dump({**codec.encode_run(run), "owner": owner}))

    def put_task(self, run_id: str, task: Task) -> Put:
        """Return the operation that stores a task."""
        return Put(keys.task(run_id, task.id), dump(codec.encode_task(task)))

    def delete(self, run_id: str, revision: int) -> bool:
        """Remove a run if its header is still at ``revision``; return whether it was."""
        operations: list[Operation] = [
            Delete(keys.run(run_id)),
            Delete(keys.tasks(run_id), prefix=True),
        ]
        return self._kv.txn([at_revision(keys.run(run_id), revision)], operations).succeeded

    def _tasks(self, run_id: str, revision: int) -> dict[str, Task]:
        prefix = keys.tasks(run_id)
        items = self._kv.items(prefix, revision=revision)
        return {item.key[len(prefix) :]: codec.decode_task(load(item)) for item in items}


def _stored(item: KeyValue, tasks: dict[str, Task]) -> StoredRun:
    value = load(item)
    owner = value.pop("owner", "")
    run = codec.decode_run(value, tasks=tasks, revision=item.mod_revision)
    return StoredRun(replace(run, revision=item.mod_revision), owner)
