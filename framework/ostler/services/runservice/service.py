"""The runservice: owns runs, advances them, and serves the executors that run their tasks."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass, replace

from ostler.clock import Clock
from ostler.errors import NotFound, Unavailable
from ostler.runs import actions
from ostler.runs.config import TaskConfig
from ostler.runs.model import Phase, Run
from ostler.runs.views import run_view, task_view
from ostler.services.api import (
    Assignments,
    ExecutorStatus,
    ExecutorTask,
    TaskReport,
    WorkspaceArchive,
)
from ostler.services.scheduler import Scheduler
from ostler.spi.kv import Event, Put, Watch
from ostler.spi.storage import Body, Readable

from . import keys
from .creation import root_group
from .events import EventTeller
from .live import LiveRun, Turn
from .mailboxes import Mailboxes
from .outputs import Outputs
from .policies import Policies
from .store import RunStore, dump, load
from .turns import TurnWriter

__all__ = ["Runservice"]

_LOG = logging.getLogger(__name__)
_QUEUE_CHECK = 2.0
_PLACE_CHECK = 5.0


@dataclass(frozen=True, slots=True)
class _Reports:
    reports: Sequence[TaskReport]
    done: Future[None]


class _Inbox:
    """What the runservice's thread has to look at next."""

    def __init__(self) -> None:
        self._filled = threading.Condition()
        self.reports: list[_Reports] = []
        self.changed: set[str] = set()
        self.woken = False
        self.closed = False

    def put(self, *, reports: _Reports | None = None, run_id: str = "", close: bool = False) -> None:
        with self._filled:
            if reports:
                self.reports.append(reports)
            if run_id:
                self.changed.add(run_id)
            self.woken, self.closed = True, self.closed or close
            self._filled.notify()

    def take(self, timeout: float | None) -> tuple[list[_Reports], set[str], bool]:
        with self._filled:
            self._filled.wait_for(lambda: self.woken, timeout)
            taken = self.reports, self.changed, self.closed
            self.reports, self.changed, self.woken = [], set(), False
        return taken


class Runservice:
    """Advances the runs that one instance owns; one thread does all of it.

    Everything that arrives while a turn is being stored goes into the next
    one: many reports, one transaction. Implements `RunserviceForExecutors`.

    :param owner: id of the instance.
    :param recover: called now and then while a run waits behind another one,
        which may have died; see `Recovery.recover`.
    """

    def __init__(
        self,
        store: RunStore,
        outputs: Outputs,
        clock: Clock,
        policies: Policies,
        *,
        owner: str,
        recover: Callable[[], object] = lambda: None,
    ) -> None:
        self._store = store
        self._outputs = outputs
        self._clock = clock
        self._policies = policies
        self._owner = owner
        self._recover = recover
        self._mailboxes = Mailboxes(clock)
        self._scheduler = Scheduler(policies, clock, self._mailboxes.known)
        teller = EventTeller(store.kv, clock, policies.tell) if policies.tell else None
        self._teller = teller
        self._writer = TurnWriter(store, owner, teller)
        self._live: dict[str, LiveRun] = {}
        self._run_of: dict[str, str] = {}
        self._referred: set[str] = set()
        self._inbox = _Inbox()
        self._watch: Watch | None = None
        self._threads = [
            threading.Thread(target=self._work, name="runservice", daemon=True),
            threading.Thread(target=self._follow, name="runservice-watch", daemon=True),
        ]
        self.failure: BaseException | None = None

    # --- its life

    def start(self) -> None:
        """Begin to advance runs, those that this instance owns already included."""
        self._watch = self._store.kv.watch(keys.RUNS)
        if self._teller:
            self._teller.start()
        for stored in self._store.headers():
            if stored.owner == self._owner:
                self.adopt(stored.run.id)
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """End after what has arrived is done; runs stay as they are."""
        self._inbox.put(close=True)
        if self._watch:
            self._watch.close()
        for thread in self._threads:
            thread.join()
        if self._teller:
            self._teller.close()

    def adopt(self, run_id: str) -> None:
        """Take up a run that this instance owns (it was just created)."""
        self._inbox.put(run_id=run_id)

    # --- for executors

    def register(self, status: ExecutorStatus) -> None:
        if self._mailboxes.register(status):
            self._store.kv.put(keys.executor(status.id), dump(asdict(status)))
            self._inbox.put()

    def poll(self, executor_id: str, timeout: float) -> Assignments:
        return self._mailboxes.poll(executor_id, timeout)

    def report(self, executor_id: str, reports: Sequence[TaskReport]) -> None:
        if self.failure is not None:
            raise Unavailable(f"the runservice has failed: {self.failure}") from self.failure
        item = _Reports(reports, Future())
        self._inbox.put(reports=item)
        item.done.result()

    def put_log(self, task_id: str, step: int | None, source: Readable, size: int) -> None:
        self._refer(task_id)
        self._outputs.put_log(task_id, step, source, size)

    def put_archive(self, task_id: str, step: int, source: Readable) -> None:
        self._refer(task_id)
        self._outputs.put_archive(task_id, step, source)

    def open_archive(self, archive: WorkspaceArchive) -> Body:
        return self._outputs.open_archive(archive)

    def find_cache(self, key: str, *, prefix: bool) -> str | None:
        return self._outputs.find_cache(key, prefix=prefix)

    def open_cache(self, name: str) -> Body:
        return self._outputs.open_cache(name)

    def put_cache(self, key: str, source: Readable) -> bool:
        return self._outputs.put_cache(key, source)

    def _refer(self, task_id: str) -> None:
        """Say which run the outputs belong to, before the first of them is there."""
        if task_id in self._referred:
            return
        run_id = self._run_of.get(task_id)
        if run_id is None:
            raise NotFound(f"task {task_id} was not given to an executor by this runservice")
        task = self._live[run_id].config.tasks[task_id]
        self._outputs.refer(run_id, task_id, archives=any(step.archives for step in task.steps))
        self._referred.add(task_id)

    # --- its thread

    def _work(self) -> None:
        try:
            while not self._round():
                continue
        except BaseException as error:
            self.failure = error
            _LOG.exception("the runservice cannot go on")
            raise
        finally:
            self._refuse_what_waits()

    def _refuse_what_waits(self) -> None:
        waiting, _, _ = self._inbox.take(0)
        for item in waiting:
            item.done.set_exception(Unavailable("the runservice has ended"))

    def _round(self) -> bool:
        """Do one round; return whether it was the last."""
        batches, changed, closed = self._inbox.take(self._patience())
        by_run = self._sort(batches)
        for run_id in changed:
            self._reload(run_id)
        waiting = {run_id for run_id, live in self._live.items() if self._may_start(live)}
        # A slot that became free in one run may be for a task of another.
        touched = changed | set(by_run) | waiting | set(self._live)
        for run_id in sorted(touched & set(self._live)):
            self._settle(self._live[run_id], by_run.get(run_id, []))
        for item in batches:
            item.done.set_result(None)
        return closed

    def _patience(self) -> float | None:
        phases = {live.run.phase for live in self._live.values()}
        if Phase.QUEUED in phases:
            return _QUEUE_CHECK
        return _PLACE_CHECK if phases else None

    def _sort(self, batches: Sequence[_Reports]) -> dict[str, list[TaskReport]]:
        by_run: dict[str, list[TaskReport]] = {}
        for item in batches:
            for report in item.reports:
                run_id = self._run_of.get(report.task_id)
                if run_id is None:
                    _LOG.warning("a report of task %s, which nobody knows", report.task_id)
                else:
                    by_run.setdefault(run_id, []).append(report)
        return by_run

    def _reload(self, run_id: str) -> None:
        """Read a run that somebody else wrote, or that is new."""
        stored = self._store.run(run_id)
        live = self._live.get(run_id)
        if stored.owner != self._owner:
            self._forget(run_id)
        elif live is None:
            config = self._store.config(stored.run.config_id)
            self._live[run_id] = LiveRun(stored.run, config, {})
        elif stored.run.revision != live.run.revision:
            live.reload(stored.run)

    def _forget(self, run_id: str) -> None:
        """Let go of a run that is over, or that another instance took."""
        live = self._live.pop(run_id, None)
        if live is None:
            return
        for task_id, executor_id in live.active.items():
            self._mailboxes.stop(executor_id, [task_id])
            self._scheduler.release(executor_id)
        for task_id in live.run.tasks:
            self._run_of.pop(task_id, None)
            self._referred.discard(task_id)

    def _settle(self, live: LiveRun, reports: Sequence[TaskReport]) -> None:
        """Turn a run, and store the turn, until nobody else wrote to it in between."""
        while True:
            now = self._clock.now()
            turn = self._turn(live, reports, now)
            revision = self._writer.write(live, turn, now)
            if revision is not None:
                break
            self._scheduler.take_back(turn.started.values())
            stored = self._store.run(live.run.id)
            if stored.owner != self._owner:
                self._forget(live.run.id)
                return
            live.reload(stored.run)
        self._commit(live, turn, revision)

    def _turn(self, live: LiveRun, reports: Sequence[TaskReport], now: float) -> Turn:
        if live.run.phase is Phase.QUEUED and self._may_start(live):
            return Turn(actions.start(live.run, now))
        turn = live.turn(reports, (), now)
        approved = self._scheduler.approve(turn.run, live.config)
        if approved is not turn.run:
            turn = self._approved(live, turn, approved, now)
        if turn.run.phase is Phase.RUNNING and not turn.run.stop:
            self._scheduler.place(live, turn, now)
        return turn

    def _approved(self, live: LiveRun, turn: Turn, approved: Run, now: float) -> Turn:
        return turn

    def _may_start(self, live: LiveRun) -> bool:
        if live.run.phase is not Phase.QUEUED:
            return False
        first = self._store.kv.list(keys.queue(live.run.group), limit=1).items
        if not first or first[0].key != keys.queued(live.run.group, live.run.id):
            return False
        return self._store.kv.get(keys.running(live.run.group)) is None

    def _commit(self, live: LiveRun, turn: Turn, revision: int) -> None:
        stopped = turn.run.stop and not live.run.stop
        live.commit(turn, revision)
