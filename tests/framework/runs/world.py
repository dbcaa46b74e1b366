"""A run with its executor, approvers and bad luck: what happens next is drawn."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from hypothesis import strategies as st

from ostler.runs import actions
from ostler.runs.advance import Advance, advance
from ostler.runs.config import RunConfig
from ostler.runs.model import (
    ExecutorTaskRef,
    OutputPhase,
    Phase,
    Result,
    Run,
    Status,
    Step,
    StepPhase,
)
from ostler.runs.reports import TaskReport, apply_report

from .strategies import rarely, shuffled, started

Event = Callable[[], None]
ENDS = [*[Status.SUCCESS] * 5, Status.FAILED, Status.FAILED, Status.STOPPED]
DONE, OPEN = OutputPhase.FINISHED, OutputPhase.NOTSTARTED
PHASES = {
    Status.RUNNING: StepPhase.RUNNING,
    Status.SUCCESS: StepPhase.SUCCESS,
    Status.FAILED: StepPhase.FAILED,
    Status.STOPPED: StepPhase.STOPPED,
}


class World:
    """Drives one run to its end, checking at every step what must always hold."""

    def __init__(self, config: RunConfig, data: st.DataObject, *, may_stop: bool) -> None:
        self.config = config
        self.run: Run = started(config)
        self.reported: dict[str, Status] = {}
        self._data = data
        self._may_stop = may_stop
        self._refs: dict[str, ExecutorTaskRef] = {}
        self._ready: set[str] = set()
        self._changed: set[str] | None = None
        self._last = Advance(run=self.run)
        self._now = 1.0

    def live(self) -> Run:
        """Go on until the run is over; return it."""
        self._advance()
        while self.run.phase is Phase.RUNNING:
            events = self._events()
            assert events, f"nothing can happen any more, and the run is not over: {self.run}"
            self._data.draw(st.sampled_from(events))[1]()
            if self._changed and self._data.draw(st.booleans()):
                continue
            self._advance()
        return self.run

    # --- what may happen

    def _events(self) -> list[tuple[str, Event]]:
        events = [(f"give {one}", self._event(self._give, one)) for one in sorted(self._ready)]
        for one, ref in sorted(self._refs.items()):
            events += self._executor_events(one, ref)
        for one, task in sorted(self.run.tasks.items()):
            if task.waiting_approval and not task.approved:
                events.append((f"approve {one}", self._event(self._approve, one)))
        if not events and self._changed:
            events.append(("nothing", lambda: None))
        if self._may_stop and not self.run.stop and self._data.draw(rarely):
            events.append(("stop", self._stop))
        return events

    def _executor_events(self, task_id: str, ref: ExecutorTaskRef) -> list[tuple[str, Event]]:
        task = self.run.tasks[task_id]
        if not task.status.final:
            events = [(f"end {task_id}", self._event(self._end, task_id))]
            if task.status is Status.NOTSTARTED:
                events.append((f"running {task_id}", self._event(self._running, task_id)))
            return events
        if not task.archived:
            return [(f"archive {task_id}", self._event(self._archive, task_id))]
        return [(f"forget {task_id}", self._event(self._forget, task_id))]

    def _event(self, event: Callable[[str], None], task_id: str) -> Event:
        def happen() -> None:
            event(task_id)
            self._touch(task_id)

        return happen

    def _touch(self, task_id: str) -> None:
        if self._changed is not None:
            self._changed.add(task_id)

    def _give(self, task_id: str) -> None:
        assert not self.run.stop
        self._ready.discard(task_id)
        self._refs[task_id] = ExecutorTaskRef(task_id)

    def _running(self, task_id: str) -> None:
        self._report(task_id, Status.RUNNING)

    def _end(self, task_id: str) -> None:
        status = self._data.draw(st.sampled_from(ENDS))
        self.reported[task_id] = status
        self._report(task_id, status, archives=self._data.draw(st.sampled_from([DONE, OPEN])))
        kept = self._data.draw(st.booleans()) or not self.run.tasks[task_id].archived
        if kept:
            self._refs[task_id] = ExecutorTaskRef(task_id, active=self._data.draw(st.booleans()))
        else:
            del self._refs[task_id]

    def _archive(self, task_id: str) -> None:
        self._late_reports(task_id)
        self._report(task_id, self.reported[task_id])

    def _forget(self, task_id: str) -> None:
        self._late_reports(task_id)
        del self._refs[task_id]

    def _approve(self, task_id: str) -> None:
        self.run = actions.approve(self.run, task_id)

    def _stop(self) -> None:
        self.run = actions.stop(self.run)
        self._ready.clear()

    def _report(self, task_id: str, status: Status, archives: OutputPhase = DONE) -> None:
        self.run, applied = apply_report(self.run, self._make(task_id, status, archives))
        assert applied

    def _late_reports(self, task_id: str) -> None:
        """Whatever else is said of a final task moves nothing."""
        for status in PHASES:
            if status is not self.reported[task_id]:
                late = self._make(task_id, status, DONE)
                assert apply_report(self.run, late) == (self.run, False)

    def _make(self, task_id: str, status: Status, archives: OutputPhase) -> TaskReport:
        phase = PHASES[status]
        steps = tuple(
            Step(phase=phase, archive=archives if step.archives else None)
            for step in self.config.tasks[task_id].steps
        )
        return TaskReport(task_id=task_id, status=status, setup=Step(phase=phase), steps=steps)

    # --- advancing, and what must hold

    def _advance(self) -> None:
        self._now += 1
        full = self._call(None)
        told = self._call(self._changed)
        unmarked = advance(self.run, self.config, self._refs, now=self._now, changed=self._changed)
        assert (told.run, told.changed) == (full.run, full.changed)
        assert (unmarked.run, unmarked.changed) == (full.run, full.changed)
        self._check_submitted(told, full)
        assert unmarked.to_submit == told.to_submit
        self._check_unordered(full)
        self._check_again(full)
        self._check_result(full)
        self._check_over(full)
        self._check_changed(full)
        self.run, self._last, self._changed = told.run, told, set()

    def _call(self, changed: set[str] | None) -> Advance:
        return advance(
            self.run,
            self.config,
            self._refs,
            now=self._now,
            changed=changed,
            mark=self._last.mark,
        )

    def _check_submitted(self, told: Advance, full: Advance) -> None:
        waiting = {one for one in self._ready if told.run.tasks[one].status is Status.NOTSTARTED}
        assert [one for one in full.to_submit if one in told.to_submit] == list(told.to_submit)
        assert waiting | set(told.to_submit) == set(full.to_submit)
        self._ready = waiting | set(told.to_submit)
        assert not (self.run.stop and full.to_submit)
        for task_id in full.to_submit:
            task, config = full.run.tasks[task_id], self.config.tasks[task_id]
            assert task.status is Status.NOTSTARTED
            assert task_id not in self._refs
            assert not config.approval or task.approved
            assert config.depends or full.run.result is Result.UNKNOWN
            for dependency in config.depends:
                parent = full.run.tasks[dependency.task_id]
                assert parent.status.final
                assert parent.archived

    def _check_unordered(self, full: Advance) -> None:
        mixed = random.Random(7)
        other = advance(
            replace(self.run, tasks=shuffled(self.run.tasks, mixed)),
            replace(self.config, tasks=shuffled(self.config.tasks, mixed)),
            shuffled(self._refs, mixed),
            now=self._now,
        )
        assert other == full

    def _check_again(self, full: Advance) -> None:
        again = advance(full.run, self.config, self._refs, now=self._now + 1)
        assert again.run == full.run
        assert again.changed == frozenset()
        assert again.to_submit == (full.to_submit if full.run.phase is Phase.RUNNING else ())

    def _check_result(self, full: Advance) -> None:
        tasks = full.run.tasks
        if self.run.result is not Result.UNKNOWN:
            expected = self.run.result
        elif any(
            task.status is Status.FAILED and not self.config.tasks[one].ignore_failure
            for one, task in tasks.items()
        ):
            expected = Result.FAILED
        elif self.run.stop:
            expected = Result.STOPPED
        else:
            final = all(task.status.final for task in tasks.values())
            expected = Result.SUCCESS if final else Result.UNKNOWN
        assert full.run.result is expected

    def _check_over(self, full: Advance) -> None:
        final = all(task.status.final for task in full.run.tasks.values())
        active = any(ref.active for ref in self._refs.values())
        assert (full.run.phase is Phase.FINISHED) == (final and not active)

    def _check_changed(self, full: Advance) -> None:
        differs = {one for one, task in full.run.tasks.items() if task != self.run.tasks[one]}
        assert full.changed == differs
