"""Reservations of which nothing can become any more turn into runs that are over."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from ostler.clock import Clock
from ostler.datamanager import Action, Delete, Put
from ostler.runs.creation import new_task
from ostler.runs.model import REASON, Phase, Result, Run, Status, Task
from ostler.spi.kv import Delete as DeleteKey

from . import entries, keys
from .commits import until_settled
from .entries import Reservation
from .events import Events
from .store import RunStore

__all__ = ["KV_LOST", "NEVER_SHOWN", "Settling"]

NEVER_SHOWN = "the process that made it ended before it could begin"
KV_LOST = "the key-value store lost it"


class Settling:
    """Settles reservations whose run is not in the key-value store, and cannot come there.

    A run is written there on condition that its instance is known. So when the
    instance is not known, and after that the run is not there, it never will be.
    """

    def __init__(self, store: RunStore, clock: Clock, events: Events) -> None:
        self._store = store
        self._clock = clock
        self._events = events

    def settle(self, died: Collection[str] = ()) -> list[str]:
        """Settle what can be settled; return the ids of the runs. Safe to repeat, also at once.

        :param died: instances that are known to have died, rather than to have been lost.
        """
        reservations = list(self._store.archive.reservations())
        known = {item.key[len(keys.INSTANCES) :] for item in self._store.kv.items(keys.INSTANCES)}
        settled = []
        for reservation in reservations:
            run_id = reservation.run.id
            if reservation.owner in known or self._store.kv.get(keys.run(run_id)):
                continue
            reason = NEVER_SHOWN if reservation.owner in died else KV_LOST
            if until_settled(self._settlement(run_id, reason), f"settling run {run_id}"):
                settled.append(run_id)
        return settled

    def _settlement(self, run_id: str, reason: str) -> Callable[[], bool]:
        return lambda: self._try(run_id, reason)

    def _try(self, run_id: str, reason: str) -> bool:
        """Archive a run as it ended; return whether that was still to be done."""
        reading = self._store.datamanager.read(
            [(entries.RESERVATION, run_id), (entries.RUN, run_id)],
            groups=[entries.run_group(run_id)],
        )
        reservation, archived = reading.values
        if reservation is None:
            return False
        actions: list[Action] = [Delete(entries.RESERVATION, run_id)]
        if archived is None:  # an import may bring the reservation of a run that is here already
            reserved = entries.decode_reservation(reservation)
            run = self._ended(reserved, reason)
            actions.append(Put(entries.RUN, run_id, entries.encode_run(run)))
            # Before the commit: nothing else can become of it, and told twice is better than never.
            gone = DeleteKey(keys.tasks(run_id), prefix=True)
            self._store.write([], [gone, *self._events.of(reserved.run, run)])
        self._store.datamanager.commit(actions, token=reading.token)
        return True

    def _ended(self, reservation: Reservation, reason: str) -> Run:
        run, lost = reservation.run, reason == KV_LOST
        now = self._clock.now()
        return replace(
            run,
            # What it had come to is not known: it was not seen, or it is not there any more.
            phase=Phase.FINISHED if lost else Phase.CANCELLED,
            result=Result.STOPPED if lost else Result.UNKNOWN,
            stop=lost,
            annotations={**run.annotations, REASON: reason},
            tasks=self._tasks(run, reason, now),
            end_time=now,
            archived=True,
        )

    def _tasks(self, run: Run, reason: str, now: float) -> Mapping[str, Task]:
        config = self._store.archive.config(run.config_id)
        if config is None:  # lost with a damaged storage: that must not keep the run from ending
            return run.tasks
        fresh = {task.id: new_task(task) for task in config.tasks.values()}
        return {
            task_id: run.tasks.get(task_id)
            or replace(task, status=Status.CANCELLED, reason=reason, end_time=now)
            for task_id, task in fresh.items()
        }
