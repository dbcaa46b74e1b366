"""How a run goes: what can be seen of it first, then what only it refers to."""

from __future__ import annotations

from ostler.errors import Conflict
from ostler.runs.model import Run

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

        :raises Conflict: it is not over, or somebody changed it meanwhile.
        :raises NotFound: there is no such run.
        """
        run = self._store.run(run_id).run
        if not run.phase.final:
            raise Conflict(f"run {run_id} is {run.phase.value}: stop or cancel it first")
        self._store.delete_run(run.id, run.config_id, run.revision)
        self._outputs.release(run.id, run.tasks)
        return run
