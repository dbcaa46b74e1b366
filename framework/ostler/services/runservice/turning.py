"""One turn of a run: reports, what follows from them, who may start, and where."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ostler.runs import actions
from ostler.runs.config import TaskConfig
from ostler.runs.model import Phase, Run
from ostler.runs.reports import TaskReport
from ostler.runs.views import task_view
from ostler.services.policies import Policies
from ostler.services.scheduler import Placing, approve_waiting

from . import keys
from .live import LiveRun, Turn
from .store import RunStore
from .turns import most_starts

__all__ = ["Turning"]


class Turning:
    """Works out turns. It takes slots of executors, and writes nothing."""

    def __init__(self, store: RunStore, placing: Placing, policies: Policies) -> None:
        self._store = store
        self._placing = placing
        self._policies = policies
        self._most = most_starts(store.kv.capabilities.max_operations)

    def turn(self, live: LiveRun, reports: Sequence[TaskReport], now: float) -> Turn:
        """Return what ``reports``, and all that follows from them, make of a run."""
        turn = live.begin(reports)
        # The transaction that stores their end may give their slots to others.
        self._placing.release(live.active[task_id] for task_id in turn.ended)
        if turn.run.phase is Phase.QUEUED and self._may_start(turn.run):
            turn.run = actions.start(turn.run, now)
        if turn.run.phase is not Phase.RUNNING:
            return turn
        while turn.moved is None or turn.moved or live.waiting:
            everything = turn.moved is None
            live.advance(turn, now)
            self._approve(live, turn, everything=everything)
            if not turn.moved:
                self._place(live, turn, now)
                if not turn.moved:
                    break
        return turn

    def undo(self, live: LiveRun, turn: Turn) -> None:
        """Put the slots of executors back as they were before a turn that could not be stored."""
        self._placing.release(turn.started.values())
        self._placing.take(live.active[task_id] for task_id in turn.ended)

    def _may_start(self, run: Run) -> bool:
        """Return whether it is the first in its group's queue, and nobody runs there."""
        first = self._store.kv.list(keys.queue(run.group), limit=1).items
        is_first = bool(first) and first[0].key == keys.queued(run.group, run.id)
        return is_first and self._store.kv.get(keys.running(run.group)) is None

    def _approve(self, live: LiveRun, turn: Turn, *, everything: bool) -> None:
        looked_at = list(turn.run.tasks) if everything else sorted(turn.changed)
        turn.run, approved = approve_waiting(turn.run, live.config, looked_at, self._policies)
        turn.changed.update(approved)
        turn.move(approved)

    def _place(self, live: LiveRun, turn: Turn, now: float) -> None:
        def place(task: TaskConfig) -> bool:
            given = task.id in turn.started or task.id in live.active
            if given or turn.run.tasks[task.id].status.final:
                return True  # cancelled since it began to wait, or named twice
            if len(turn.started) == self._most:
                turn.full = True
                return False
            view = partial(task_view, turn.run, live.config, task.id)
            placement = self._placing.place(task, view, now)
            if placement.executor_id:
                live.start(turn, task, placement.executor_id)
                return True
            if placement.permanent and self._policies.fail_unplaceable:
                live.fail(turn, task, placement.reason, now)
                return True
            if placement.permanent:
                live.explain(turn, task, placement.reason)
            return False

        live.waiting.take(place)
