"""What anybody may do to a run, from any process that shares the key-value store."""

from __future__ import annotations

from collections.abc import Callable

from ostler.clock import Clock
from ostler.errors import Conflict
from ostler.runs import actions
from ostler.runs.model import Run
from ostler.spi.kv import Delete, Operation

from . import keys
from .events import Events
from .store import RunStore, StoredRun
from .values import at_revision

__all__ = ["RunActions"]

_ATTEMPTS = 100


class RunActions:
    """The actions of a run that do not need its owner: read, decide, write if nobody was faster."""

    def __init__(self, store: RunStore, clock: Clock, events: Events) -> None:
        self._store = store
        self._clock = clock
        self._events = events

    def stop(self, run_id: str) -> Run:
        """Ask a running run to stop; its owner brings it to its end.

        :raises Conflict: it is not running.
        """
        return self._change(run_id, actions.stop)

    def cancel(self, run_id: str) -> Run:
        """Cancel a queued run.

        :raises Conflict: it is not queued.
        """
        return self._change(run_id, lambda run: actions.cancel(run, self._clock.now()))

    def add_approver(self, run_id: str, task_id: str, user: str) -> Run:
        """Note that ``user`` approves a task; enough of them, and the scheduler approves it.

        :raises BadRequest: the user has approved it already.
        :raises Conflict: the task does not wait for approval.
        :raises NotFound: the run has no such task.
        """
        return self._change(run_id, lambda run: actions.add_approver(run, task_id, user))

    def _change(self, run_id: str, action: Callable[[Run], Run]) -> Run:
        for _ in range(_ATTEMPTS):
            stored = self._store.run(run_id)
            changed = action(stored.run)
            if self._store.write(
                [at_revision(keys.run(run_id), stored.run.revision)],
                self._operations(stored, changed),
            ):
                if changed.phase.final:
                    self._store.move(run_id)
                return changed
        raise Conflict(f"run {run_id} changes too fast to be changed by this: try again")

    def _operations(self, stored: StoredRun, changed: Run) -> list[Operation]:
        before = stored.run.tasks
        operations: list[Operation] = [
            self._store.put_task(changed.id, task)
            for task in changed.tasks.values()
            if task is not before[task.id]
        ]
        owner = stored.owner
        if changed.phase.final:
            operations.append(Delete(keys.queued(changed.group, changed.id)))
            owner = ""
        operations += self._events.of(stored.run, changed)
        operations.append(self._store.put_header(changed, owner))
        return operations
