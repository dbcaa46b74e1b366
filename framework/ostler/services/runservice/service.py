"""The runservice: owns runs, advances them, and serves the executors that run their tasks."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace

from ostler.clock import Clock
from ostler.errors import Compacted, NotFound, Unavailable
from ostler.kv import Watching
from ostler.runs.model import Phase, Run
from ostler.runs.reports import TaskReport
from ostler.services.api import (
    Assignments,
    ExecutorStatus,
    WorkspaceArchive,
)
from ostler.services.policies import Policies
from ostler.services.scheduler import Placing
from ostler.spi.kv import Event
from ostler.spi.storage import Body, Readable

from . import keys
from .archiving import Archiver
from .assigning import Assigning
from .events import Events, EventTeller
from .inbox import Batch, Inbox
from .live import LiveRun, Turn
from .mailboxes import Mailboxes
from .outputs import Outputs, TaskOutputs
from .store import RunStore, StoredRun
from .turning import Turning
from .turns import TurnWriter
from .values import dump

__all__ = ["Runservice"]

_LOG = logging.getLogger(__name__)
_QUEUE_CHECK = 2.0


class Runservice:
    """Advances the runs that one instance owns; one thread does all of it.

    Everything that arrives while a turn is being stored goes into the next
    one: many reports, one transaction. Implements `RunserviceForExecutors`.

    :param owner: id of the instance.
    :param recover: called now and then while a run waits behind another one
        whose process may have died; see `Recovery.recover`.
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
        self._placing = Placing(policies, self._mailboxes.known)
        self._teller = EventTeller(store.kv, policies.tell) if policies.tell else None
        self._writer = TurnWriter(store, owner, Events(clock, wanted=bool(policies.tell)))
        self._turning = Turning(store, self._placing, policies)
        self._assigning = Assigning(outputs, self._mailboxes, policies)
        self._archiver = Archiver(store.move)
        self._live: dict[str, LiveRun] = {}
        self._recovered = clock.monotonic()
        self._inbox = Inbox()
        self._watch: Watching | None = None
        self._ended = False
        self._threads = [
            threading.Thread(target=self._work, name="runservice", daemon=True),
            threading.Thread(target=self._follow, name="runservice-watch", daemon=True),
        ]
        self.failure: BaseException | None = None

    def start(self) -> None:
        """Begin to advance runs."""
        self._watch = self._store.kv.watch(keys.RUNS)
        if self._teller:
            self._teller.start()
        self._archiver.start()
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """End after what has arrived is done; runs stay as they are. Idempotent."""
        self._ended = True
        self._inbox.close()
        if self._watch:
            self._watch.close()
        for thread in self._threads:
            thread.join()
        self._archiver.close()
        if self._teller:
            self._teller.close()
            self._teller = None

    def adopt(self, run_id: str) -> None:
        """Take up a run that this instance owns: it was just created."""
        self._inbox.changed(run_id)

    def register(self, status: ExecutorStatus) -> None:
        known = replace(status, tasks=None)
        if self._mailboxes.register(known):
            self._store.kv.put(keys.executor(status.id), dump(asdict(known)))
            self._inbox.wake()
        if status.tasks is not None:
            self._inbox.restarted(status)

    def poll(self, executor_id: str, timeout: float) -> Assignments:
        return self._mailboxes.poll(executor_id, timeout)

    def report(self, executor_id: str, reports: Sequence[TaskReport]) -> None:
        self._outputs.persist_logs(
            TaskOutputs(report.task_id, report.setup, report.steps)
            for report in reports
            if report.status.final and self._assigning.knows(report.task_id)
        )
        batch = Batch(reports)
        if not self._inbox.report(batch):
            raise Unavailable("the runservice has ended") from self.failure
        batch.done.result()

    def put_log(self, task_id: str, step: int | None, source: Readable, size: int) -> None:
        self._assigning.refer(task_id)
        self._outputs.put_log(task_id, step, source, size)

    def put_archive(self, task_id: str, step: int, source: Readable) -> None:
        self._assigning.refer(task_id)
        self._outputs.put_archive(task_id, step, source)

    def open_archive(self, archive: WorkspaceArchive) -> Body:
        return self._outputs.open_archive(archive)

    def find_cache(self, key: str, *, prefix: bool) -> str | None:
        return self._outputs.find_cache(key, prefix=prefix)

    def open_cache(self, name: str) -> Body:
        return self._outputs.open_cache(name)

    def put_cache(self, key: str, source: Readable) -> bool:
        return self._outputs.put_cache(key, source)

    def _follow(self) -> None:
        """Tell the other thread of runs that somebody else wrote."""
        while not self._ended and (watch := self._watch) is not None:
            try:
                self._hear(self._next(watch))
            except Unavailable as error:
                _LOG.warning("the key-value store cannot be heard: %s", error.message)

    def _next(self, watch: Watching) -> Sequence[Event]:
        try:
            return watch.next()
        except Compacted:
            self._watch_anew(watch)
            return ()

    def _watch_anew(self, watch: Watching) -> None:
        """Watch from now on, and look at every run: what was missed is not told any more."""
        self._watch = self._store.kv.watch(keys.RUNS)
        watch.close()
        if self._ended:
            self._watch.close()
        for run_id in list(self._live):
            self._inbox.changed(run_id)
        self._inbox.wake()  # a place in a group may be free

    def _hear(self, events: Sequence[Event]) -> None:
        for event in events:
            run_id = event.key[len(keys.RUNS) :]
            live = self._live.get(run_id)
            if live and event.revision > live.run.revision:
                self._inbox.changed(run_id)
            elif live is None:
                self._inbox.wake()  # a place in a group may be free

    def _work(self) -> None:
        try:
            while not self._round():
                continue
        except BaseException as error:
            self.failure = error
            _LOG.exception("the runservice cannot go on")
        finally:
            self._inbox.close()
            for batch in self._inbox.take(0).batches:
                batch.done.set_exception(Unavailable("the runservice has ended"))

    def _round(self) -> bool:
        """Look at everything that arrived; return whether it was the last time."""
        taken = self._inbox.take(self._patience())
        reports = self._by_run(taken.batches)
        for status in taken.restarted:
            for live in self._live.values():
                reports[live.run.id].extend(live.abandoned(status, self._clock.now()))
        for run_id in taken.changed:
            self._load(run_id)
        for run_id, live in sorted(self._live.items()):
            if run_id in taken.changed or reports[run_id] or live.restless:
                self._settle(live, reports[run_id])
        for batch in taken.batches:
            batch.done.set_result(None)
        return taken.closed

    def _patience(self) -> float | None:
        """Return how long to wait; while a run waits behind another, see whether that one lives."""
        if not any(live.run.phase is Phase.QUEUED for live in self._live.values()):
            return None
        if self._clock.monotonic() - self._recovered >= _QUEUE_CHECK:
            self._recover()
            self._recovered = self._clock.monotonic()
        return _QUEUE_CHECK

    def _by_run(self, batches: Sequence[Batch]) -> defaultdict[str, list[TaskReport]]:
        by_run: defaultdict[str, list[TaskReport]] = defaultdict(list)
        for batch in batches:
            for report in batch.reports:
                if self._assigning.knows(report.task_id):
                    by_run[self._assigning.run_of(report.task_id)].append(report)
                else:
                    _LOG.warning("ignored a report of the unknown task %s", report.task_id)
        return by_run

    def _load(self, run_id: str) -> None:
        """Read a run that is new, or that somebody else wrote."""
        live = self._live.get(run_id)
        header = self._header(run_id)
        if header.owner != self._owner:
            if live is not None:
                self._forget(run_id)
                self._show(self._store.run(run_id).run, live.run.tasks)
        elif live is None:
            config = self._store.config(header.run.config_id)
            self._live[run_id] = LiveRun(self._store.run(run_id).run, config, {})
        elif header.run.revision != live.run.revision:
            live.reload(self._store.run(run_id).run)

    def _header(self, run_id: str) -> StoredRun:
        try:
            return self._store.header(run_id)
        except NotFound:
            if run_id not in self._live:
                raise
            raise Unavailable(
                f"run {run_id} is gone from the key-value store, which was emptied or put back to "
                "an older state: start it again; what it had stored so far is kept",
                code="kv_lost",
            ) from None  # what is at the bottom settles the exit code

    def _settle(self, live: LiveRun, reports: Sequence[TaskReport]) -> None:
        """Turn a run and store the turn, again if somebody else wrote in between or more can start."""
        while live.run.id in self._live:
            now = self._clock.now()
            turn = self._turning.turn(live, reports, now)
            revision = self._writer.write(live, turn)
            if revision is None:
                self._turning.undo(live, turn)
                self._load(live.run.id)
                continue
            self._commit(live, turn, revision)
            if not turn.full:
                return
            reports = ()

    def _commit(self, live: LiveRun, turn: Turn, revision: int) -> None:
        live.commit(turn, revision)
        for report in turn.ignored:
            _LOG.warning("ignored a report that would move the final task %s", report.task_id)
        self._assigning.assign(live, turn)
        if live.run.stop:
            self._assigning.stop(live)
        if self._teller:
            self._teller.wake()
        if live.run.phase.final:
            self._forget(live.run.id)
            self._archiver.over(live.run.id)
        if turn.changed or revision:
            self._show(live.run, turn.changed)

    def _show(self, run: Run, changed: Iterable[str]) -> None:
        if self._policies.watch:
            self._policies.watch(run, frozenset(changed))

    def _forget(self, run_id: str) -> None:
        """Let go of a run that is over or that another instance took."""
        live = self._live.pop(run_id, None)
        if live is not None:
            self._placing.release(live.active.values())
            self._assigning.stop(live)
            self._assigning.forget(live)
