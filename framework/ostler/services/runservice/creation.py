"""How a run comes to be: its counter, its place in the queue, its references to what it shares."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ostler.clock import Clock
from ostler.datamanager import Put as PutEntry
from ostler.datamanager import Reading
from ostler.errors import Conflict, Error, NotFound, Unavailable, Unknown
from ostler.kv import absent
from ostler.runs.config import RunConfig
from ostler.runs.model import Run
from ostler.spi.kv import Compare, Operation, Put, Target

from . import entries, keys
from .commits import until_settled
from .outputs import Outputs
from .store import RunStore

__all__ = ["RunCreation"]

_UNKNOWNS = 3


class RunCreation:
    """Makes runs visible, each with the next counter of its root group and no gap.

    The counter, the config and a reservation for the run are one commit of the
    datamanager. Then the run is written to the key-value store, where it can be
    seen. A crash in between leaves the reservation, of which `Settling` makes a
    run that was cancelled: so no number is lost, and none is given twice.
    """

    def __init__(self, store: RunStore, outputs: Outputs, clock: Clock) -> None:
        self._store = store
        self._outputs = outputs
        self._clock = clock

    def add(self, config: RunConfig, run: Run, owner: str, *, restarts: Run | None = None) -> Run:
        """Store a new run and its config; return it with its counter.

        References to logs and archives of tasks that it shares with an earlier
        run are written before anybody can see it.

        :param owner: id of the instance that will advance it.
        :param restarts: the run whose tasks it shares; it is over.
        :raises Conflict: that run was removed meanwhile.
        :raises NotFound: so were logs or archives that it shares.
        :raises Unavailable: the instance is not known in the key-value store (any more).
        :raises Unknown: the storage does not say whether it has the run; if it has, it will be cancelled.
        """
        shared = [task_id for task_id, task in run.tasks.items() if task.status.final]
        if restarts:
            self._store.move(restarts.id)
        self._refer(config, run, shared)
        try:
            reserved = until_settled(
                lambda: self._reserve(config, run, owner, restarts), f"creating run {run.id}"
            )
        except Unknown:
            raise  # it may come to be, and then it needs what it refers to
        except Error:
            self._outputs.release(run.id, shared)
            raise
        return reserved if reserved.phase.final else self._show(reserved, owner)

    def _reserve(self, config: RunConfig, run: Run, owner: str, restarts: Run | None) -> Run:
        """Give the run its number, unless it has one; return it with that."""
        reading = self._read(config, run, restarts)
        counter, reservation, archived, *restarted = reading.values
        if reservation is not None:
            return _numbered(run, entries.decode_reservation(reservation).run)
        if archived is not None:
            return _numbered(run, entries.decode_header(archived), archived=True)
        if restarts and restarted == [None]:
            raise Conflict(f"run {restarts.id} was removed while it was being restarted")
        added = replace(
            run,
            counter=1 + entries.decode_counter(counter),
            enqueue_time=self._clock.now(),
            archived=run.phase.final,
        )
        root = entries.counter_id(entries.root_group(run.group))
        actions = [
            PutEntry(entries.COUNTER, root, entries.encode_counter(added.counter)),
            PutEntry(entries.CONFIG, config.id, entries.encode_config(config)),
            _entry(added, owner),
        ]
        self._store.datamanager.commit(actions, token=reading.token)
        return added

    def _read(self, config: RunConfig, run: Run, restarts: Run | None) -> Reading:
        """Read all that the reservation depends on."""
        root = entries.root_group(run.group)
        sources = [run.id, *([restarts.id] if restarts else [])]
        return self._store.datamanager.read(
            [
                (entries.COUNTER, entries.counter_id(root)),
                (entries.RESERVATION, run.id),
                *((entries.RUN, run_id) for run_id in sources),
            ],
            groups=[
                entries.counter_group(root),
                entries.config_group(config.id),
                *map(entries.run_group, sources),
            ],
        )

    def _show(self, run: Run, owner: str) -> Run:
        """Write the run to where it can be seen."""
        instance = self._store.kv.get(keys.instance(owner))
        if instance is None:
            raise _forgotten(run, owner)
        guards = [
            absent(keys.run(run.id)),
            # Who settles reservations looks for the instance: without it nothing may appear.
            Compare(instance.key, Target.CREATE_REVISION, instance.create_revision),
        ]
        operations: list[Operation] = [
            *(self._store.put_task(run.id, task) for task in run.tasks.values()),
            Put(keys.queued(run.group, run.id), b""),
            self._store.put_header(run, owner),
        ]
        for attempt in range(1, _UNKNOWNS + 1):
            try:
                revision = self._store.write(guards, operations)
            except Unknown:
                if attempt == _UNKNOWNS:
                    raise
                continue
            return self._shown(run, owner, revision)
        raise _forgotten(run, owner)

    def _shown(self, run: Run, owner: str, revision: int | None) -> Run:
        """Return the run as it is stored; without a revision, see what stood in the way: itself?"""
        if revision is not None:
            return replace(run, revision=revision)
        stored = self._store.kv.get(keys.run(run.id))
        if stored is None:
            raise _forgotten(run, owner)
        return self._store.run(run.id).run

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


def _entry(run: Run, owner: str) -> PutEntry:
    """Return what says that the run has its number; one that is over already is archived at once."""
    if run.phase.final:
        return PutEntry(entries.RUN, run.id, entries.encode_run(run))
    return PutEntry(entries.RESERVATION, run.id, entries.encode_reservation(run, owner))


def _numbered(run: Run, stored: Run, *, archived: bool = False) -> Run:
    return replace(
        run,
        counter=stored.counter,
        enqueue_time=stored.enqueue_time,
        phase=stored.phase,
        archived=archived,
    )


def _forgotten(run: Run, owner: str) -> Unavailable:
    return Unavailable(
        f"run {run.id} cannot begin: the key-value store does not know this process ({owner}) any "
        "more. It was emptied or put back; begin again"
    )
