"""Runs in the key-value store: read them, and write them under the rules of their change group."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ostler.errors import Conflict, Internal, NotFound
from ostler.kv import KeyValueStore
from ostler.runs import codec
from ostler.runs.config import RunConfig
from ostler.runs.model import Run, Task
from ostler.spi.kv import Compare, Delete, KeyValue, Operation, Put, Target

from . import keys

__all__ = ["RunStore", "StoredRun", "at_revision", "dump", "load"]


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run as it is stored.

    :param run: with its tasks when they were asked for; its revision is the header's.
    :param owner: id of the instance that advances it; empty: nobody, it is over.
    """

    run: Run
    owner: str


def dump(value: Any) -> bytes:
    """Encode a JSON-like value compactly."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def load(item: KeyValue) -> Any:
    """Decode what `dump` wrote.

    :raises Internal: the stored value is damaged; names its key.
    """
    try:
        return json.loads(item.value)
    except ValueError as error:
        raise Internal(f"the stored value of {item.key!r} is damaged: {error}") from error


def at_revision(key: str, revision: int) -> Compare:
    """Return the comparison "last written at ``revision``"; 0: it does not exist."""
    return Compare(key, Target.MOD_REVISION, revision)


class RunStore:
    """Typed access to what the runservice keeps in the key-value store."""

    def __init__(self, kv: KeyValueStore) -> None:
        self.kv = kv

    def headers(self) -> Iterator[StoredRun]:
        """Yield every run without its tasks, oldest first."""
        for item in self.kv.items(keys.RUNS):
            yield _stored(item, {})

    def header(self, run_id: str) -> StoredRun:
        """Return a run without its tasks.

        :raises NotFound: there is no such run.
        """
        return _stored(self._existing(keys.run(run_id), f"run {run_id}"), {})

    def run(self, run_id: str) -> StoredRun:
        """Return a run with its tasks, all as of one revision.

        :raises NotFound: there is no such run.
        """
        tasks = self.kv.list(keys.tasks(run_id), limit=1)
        at = tasks.revision
        header = self.kv.list(keys.run(run_id), limit=1, revision=at).items
        if not header or header[0].key != keys.run(run_id):
            raise NotFound(f"there is no run {run_id}")
        return _stored(header[0], self._tasks(run_id, at))

    def task(self, run_id: str, task_id: str) -> Task:
        """Return one task of a run.

        :raises NotFound: there is no such run, or it has no such task.
        """
        item = self._existing(keys.task(run_id, task_id), f"task {task_id} of run {run_id}")
        return codec.decode_task(load(item))

    def config(self, config_id: str) -> RunConfig:
        """Return a run config.

        :raises NotFound: there is no such run config.
        """
        item = self._existing(keys.config(config_id), f"run config {config_id}")
        return codec.decode_config(load(item))

    def resolve(self, name: str) -> str:
        """Return the id of the run that a person means: an id, the beginning of one, or ``latest``.

        :raises NotFound: nothing matches.
        :raises Conflict: several do; the message names them.
        """
        found = [stored.run.id for stored in self.headers()]
        if name == "latest" and found:
            return found[-1]
        matches = [run_id for run_id in found if run_id.startswith(name)]
        if not matches:
            raise NotFound(f"there is no run {name!r}; `ostler runs` lists them")
        if len(matches) > 1 and name not in matches:
            raise Conflict(f"{name!r} begins the ids of several runs: {', '.join(matches[-5:])}")
        return name if name in matches else matches[0]

    def write(self, compares: Sequence[Compare], operations: Sequence[Operation]) -> int | None:
        """Write all of it if the comparisons hold; return the revision, or None if they do not.

        More operations than the store takes at once go in several
        transactions, each under the same comparisons; what makes the rest
        visible (a header) must stand last, and the last of them go together.
        """
        most = self.kv.capabilities.max_operations
        room = max(1, len(operations) if most is None else most - len(compares))
        revision: int | None = None
        for end in range(len(operations) % room or room, len(operations) + 1, room):
            result = self.kv.txn(compares, operations[max(0, end - room) : end])
            if not result.succeeded:
                return None
            revision = result.revision
        return revision

    def put_header(self, run: Run, owner: str) -> Put:
        """Return the operation that stores a run's header."""
        value = codec.encode_run(run)
        value["owner"] = owner
        return Put(keys.run(run.id), dump(value))

    def put_task(self, run_id: str, task: Task) -> Put:
        """Return the operation that stores a task."""
        return Put(keys.task(run_id, task.id), dump(codec.encode_task(task)))

    def put_config(self, config: RunConfig) -> Put:
        """Return the operation that stores a run config."""
        return Put(keys.config(config.id), dump(codec.encode_config(config)))

    def delete_run(self, run_id: str, config_id: str, revision: int) -> None:
        """Remove a run, its tasks and its config, if its header is still at ``revision``.

        :raises Conflict: somebody changed it meanwhile.
        """
        result = self.kv.txn(
            [at_revision(keys.run(run_id), revision)],
            [
                Delete(keys.run(run_id)),
                Delete(keys.tasks(run_id), prefix=True),
                Delete(keys.config(config_id)),
            ],
        )
        if not result.succeeded:
            raise Conflict(f"run {run_id} was changed while it was being removed: try again")

    def _tasks(self, run_id: str, revision: int) -> dict[str, Task]:
        prefix = keys.tasks(run_id)
        items = self.kv.items(prefix, revision=revision)
        return {item.key[len(prefix) :]: codec.decode_task(load(item)) for item in items}

    def _existing(self, key: str, what: str) -> KeyValue:
        item = self.kv.get(key)
        if item is None:
            raise NotFound(f"there is no {what}")
        return item


def _stored(item: KeyValue, tasks: dict[str, Task]) -> StoredRun:
    value = load(item)
    owner = value.pop("owner", "")
    run = codec.decode_run(value, tasks=tasks, revision=item.mod_revision)
    return StoredRun(replace(run, revision=item.mod_revision), owner)
