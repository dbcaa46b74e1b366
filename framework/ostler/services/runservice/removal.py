"""How a run goes: what can be seen of it first, then what only it refers to."""

from __future__ import annotations

from ostler.datamanager import Action, Delete
from ostler.errors import Conflict
from ostler.runs.model import Run

from . import entries
from .commits import until_settled
from .outputs import Outputs
from .store import RunStore

__all__ = ["RunRemoval"]


class RunRemoval:
    """Removes runs that are over.

    A crash in between leaves outputs that nobody refers to, never a run whose
    outputs are gone.
    """

    def __init__(self, store: RunStore, outputs: Outputs) -> None:
        self._store = store
        self._outputs = outputs

    def remove(self, run_id: str) -> Run:
        """Remove a run, and the logs and archives that no other run refers to; return what it was.

        :raises Conflict: it is not over.
        :raises NotFound: there is no such run.
        """
        run = self._store.run(run_id).run
        if not run.phase.final:
            raise Conflict(f"run {run_id} is {run.phase.value}: stop or cancel it first")
        self._store.move(run_id)
        until_settled(lambda: self._try(run), f"removing run {run_id}")
        self._outputs.release(run.id, run.tasks)
        return run

    def _try(self, run: Run) -> None:
        reading = self._store.datamanager.read(
            [(entries.RUN, run.id)],
            # A restart moves the first, a new run of the same config the second.
            groups=[entries.run_group(run.id), entries.config_group(run.config_id)],
        )
        if reading.values[0] is None:
            return
        actions: list[Action] = [Delete(entries.RUN, run.id)]
        if not self._others(run):
            actions.append(Delete(entries.CONFIG, run.config_id))
        self._store.datamanager.commit(actions, token=reading.token)

    def _others(self, run: Run) -> bool:
        """Return whether another run has the same config."""
        reserved = {
            reservation.run.id
            for reservation in self._store.archive.reservations()
            if reservation.run.config_id == run.config_id
        }
        return bool((reserved | self._store.index.referring(run.config_id)) - {run.id})
