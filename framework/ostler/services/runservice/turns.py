"""What a turn of a run means for the key-value store."""

from __future__ import annotations

from ostler.kv import absent
from ostler.runs.model import Phase, Run
from ostler.spi.kv import Compare, Delete, Operation, Put

from . import keys
from .events import Events
from .live import LiveRun, Turn
from .store import RunStore
from .values import at_revision, dump

__all__ = ["TurnWriter", "most_starts"]

_BESIDE = 6
"""Comparisons and operations at the end of a turn beside those of the tasks that start: the run's
header and place compared, its queue and place, an event, and the header written."""


def most_starts(max_operations: int | None) -> int | None:
    """Return how many tasks may start in one turn; None: any number.

    That a task does not run yet is compared in the same transaction that says that it does.
    """
    return None if max_operations is None else max(1, (max_operations - _BESIDE) // 2)


class TurnWriter:
    """Stores turns, each under its run's change group.

    :param owner: the instance that writes.
    """

    def __init__(self, store: RunStore, owner: str, events: Events) -> None:
        self._store = store
        self._owner = owner
        self._events = events

    def write(self, live: LiveRun, turn: Turn) -> int | None:
        """Store a turn; return the header's new revision, 0 when it needed no writing.

        None: somebody else wrote to the run meanwhile, and nothing was stored.
        """
        header = _header_differs(live.run, turn.run)
        operations = self._operations(live, turn)
        if header:
            owner = "" if turn.run.phase.final else self._owner
            operations.append(self._store.put_header(turn.run, owner))
        if not operations and not turn.started:
            return 0
        revision = self._store.write(
            self._guards(live, turn), operations, created=_given(live, turn)
        )
        if revision is None:
            return None
        return revision if header else 0

    def _guards(self, live: LiveRun, turn: Turn) -> list[Compare]:
        guards = [at_revision(keys.run(live.run.id), live.run.revision)]
        if _starts(live.run, turn.run):
            guards.append(absent(keys.running(live.run.group)))
        return guards

    def _operations(self, live: LiveRun, turn: Turn) -> list[Operation]:
        run = turn.run
        operations: list[Operation] = [
            self._store.put_task(run.id, run.tasks[task_id]) for task_id in turn.changed
        ]
        operations += [Delete(keys.executor_task(task_id)) for task_id in turn.ended]
        operations += _places(live.run, run)
        operations += self._events.of(live.run, run)
        return operations


def _given(live: LiveRun, turn: Turn) -> list[Put]:
    """Return the executor tasks that begin: none of them may exist."""
    return [
        Put(keys.executor_task(task_id), dump({"run": live.run.id, "executor": executor}))
        for task_id, executor in turn.started.items()
    ]


def _starts(before: Run, after: Run) -> bool:
    return before.phase is Phase.QUEUED and after.phase is Phase.RUNNING


def _places(before: Run, after: Run) -> list[Operation]:
    """Return the operations that move a run from its group's queue to its place, and out of it."""
    if before.phase is after.phase:
        return []
    operations: list[Operation] = []
    if before.phase is Phase.QUEUED:
        operations.append(Delete(keys.queued(after.group, after.id)))
    if after.phase is Phase.RUNNING:
        operations.append(Put(keys.running(after.group), after.id.encode()))
    if before.phase is Phase.RUNNING:
        operations.append(Delete(keys.running(after.group)))
    return operations


def _header_differs(before: Run, after: Run) -> bool:
    return (
        before.phase is not after.phase
        or before.result is not after.result
        or before.stop != after.stop
        or before.annotations != after.annotations
    )
