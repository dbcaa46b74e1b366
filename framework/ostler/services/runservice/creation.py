"""How a run comes to be: its counter, its place in the queue, its references to what it shares."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ostler.clock import Clock
from ostler.errors import Conflict, NotFound
from ostler.kv import absent
from ostler.runs.config import RunConfig
from ostler.runs.model import Phase, Run
from ostler.spi.kv import Operation, Put

from . import keys
from .outputs import Outputs
from .store import RunStore, at_revision, dump, load

__all__ = ["RunCreation", "root_group"]

_ATTEMPTS = 1000


def root_group(group: str) -> str:
    """Return the first two parts of a group path: ``/project/x`` of ``/project/x/branch/y``."""
    return "/".join(group.split("/")[:3])


class RunCreation:
    """Makes runs visible, each with the next counter of its root group and no gap."""

    def __init__(self, store: RunStore, outputs: Outputs, clock: Clock) -> None:
        self._store = store
        self._outputs = outputs
        self._clock = clock

    def add(self, config: RunConfig, run: Run, owner: str, *, restarts: Run | None = None) -> Run:
        """Store a new run and its config in one step; return it with its counter.

        References to logs and archives of tasks that it shares with an earlier
        run are written before anybody can see it.

        :param owner: id of the instance that will advance it.
        :param restarts: the run whose tasks it shares.
        :raises Conflict: that run was removed meanwhile.
        :raises NotFound: so were logs or archives that it shares.
        """
        shared = [task_id for task_id, task in run.tasks.items() if task.status.final]
        self._refer(config, run, shared)
        rows: list[Operation] = [self._store.put_task(run.id, task) for task in run.tasks.values()]
        rows.append(self._store.put_config(config))
        for _ in range(_ATTEMPTS):
            added = self._try(rows, run, owner, restarts)
            if added is not None:
                return added
            if restarts and self._store.kv.get(keys.run(restarts.id)) is None:
                self._outputs.release(run.id, shared)
                raise Conflict(f"run {restarts.id} was removed while it was being restarted")
        raise Conflict(f"the counter of {root_group(run.group)} changes too fast: try again")

    def _try(self, rows: list[Operation], run: Run, owner: str, restarts: Run | None) -> Run | None:
        counter_key = keys.counter(root_group(run.group))
        item = self._store.kv.get(counter_key)
        counter = 1 + (load(item) if item else 0)
        added = replace(run, counter=counter, enqueue_time=self._clock.now())
        final: list[Operation] = [Put(counter_key, dump(counter))]
        if added.phase is Phase.QUEUED:
            final.append(Put(keys.queued(run.group, run.id), b""))
        final.append(self._store.put_header(added, owner))
        guards = [
            at_revision(counter_key, item.mod_revision if item else 0),
            absent(keys.run(run.id)),
        ]
        if restarts:
            guards.append(at_revision(keys.run(restarts.id), restarts.revision))
        revision = self._store.write(guards, [*rows, *final])
        return None if revision is None else replace(added, revision=revision)

    def _refer(self, config: RunConfig, run: Run, shared: Iterable[str]) -> None:
        for task_id in shared:
            archives = any(step.archives for step in config.tasks[task_id].steps)
            self._outputs.refer(run.id, task_id, archives=archives)
            if not self._outputs.present(run.tasks[task_id], config.tasks[task_id]):
                self._outputs.release(run.id, [task_id])
                raise NotFound(
                    f"logs or archives of task {config.tasks[task_id].name!r} were removed "
                    "from object storage meanwhile: restart the run from scratch"
                )
