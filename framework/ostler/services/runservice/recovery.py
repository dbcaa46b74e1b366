"""Runs whose process is gone: brought to a true end, with nothing of them left running."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from ostler.clock import Clock
from ostler.runs import actions
from ostler.runs.advance import advance
from ostler.runs.config import RunConfig
from ostler.runs.model import REASON, OutputPhase, Phase, Run, Status, Step, StepPhase, Task
from ostler.spi.kv import Delete, Operation

from . import keys
from .events import Events
from .instances import Instance, claim_dead
from .outputs import Outputs, TaskOutputs
from .settling import Settling
from .store import RunStore, StoredRun
from .values import at_revision, load

__all__ = ["LOST", "Recovery"]

LOST = "the process that ran it ended without bringing it to its end"

_ENDED = {StepPhase.RUNNING: StepPhase.STOPPED, StepPhase.NOTSTARTED: StepPhase.CANCELLED}


class Recovery:
    """Ends the runs of dead instances of this machine, and archives what nobody has archived.

    :param remove_pods: kills and removes every pod of an instance's executor.
    :param log_file: where an instance keeps the log of a step (None: the setup) while it runs.
    """

    def __init__(
        self,
        store: RunStore,
        outputs: Outputs,
        clock: Clock,
        events: Events,
        remove_pods: Callable[[Instance], None],
        log_file: Callable[[Path, str, int | None], Path],
    ) -> None:
        self._store = store
        self._outputs = outputs
        self._clock = clock
        self._events = events
        self._remove_pods = remove_pods
        self._log_file = log_file
        self._settling = Settling(store, clock, events)

    def recover(self) -> list[str]:
        """End what dead instances left; return the ids of the runs. Safe to repeat, also at once."""
        ended: list[str] = []
        died: list[str] = []
        for instance in claim_dead(self._store.kv):
            try:
                self._remove_pods(instance)
                ended += [self._end(instance, run_id) for run_id in self._owned(instance)]
                self._store.write([], instance.forgotten())
                died.append(instance.id)
                instance.remove()
            finally:
                instance.release()
        ended += self._settling.settle(died)
        for stored in list(self._store.active()):
            if stored.run.phase.final:
                self._store.move(stored.run.id)
        return ended

    def leave(self, instance: Instance) -> None:
        """Forget an instance of this process that owns no run any more."""
        known = self._store.kv.get(keys.instance(instance.id)) is not None
        self._store.write([], instance.forgotten())
        # Those that it could not begin; but where the store lost the instance, it lost them too.
        self._settling.settle([instance.id] if known else [])
        instance.remove()

    def _owned(self, instance: Instance) -> list[str]:
        return [stored.run.id for stored in self._store.active() if stored.owner == instance.id]

    def _end(self, instance: Instance, run_id: str) -> str:
        while not self._try(instance, self._store.run(run_id)):
            continue  # somebody asked it to stop in the same moment: read it again
        return run_id

    def _try(self, instance: Instance, stored: StoredRun) -> bool:
        run, config = stored.run, self._store.config(stored.run.config_id)
        active = list(self._active(run.id))
        ended = self._ended(instance, run, config, active)
        operations: list[Operation] = [
            self._store.put_task(run.id, task)
            for task in ended.tasks.values()
            if task is not run.tasks[task.id]
        ]
        operations += [Delete(keys.executor_task(task_id)) for task_id in active]
        operations.append(Delete(keys.queued(run.group, run.id)))
        if run.phase is Phase.RUNNING:
            operations.append(Delete(keys.running(run.group)))
        operations += self._events.of(run, ended)
        operations.append(self._store.put_header(ended, ""))
        guards = [at_revision(keys.run(run.id), run.revision)]
        return self._store.write(guards, operations) is not None

    def _active(self, run_id: str) -> Iterator[str]:
        for item in self._store.kv.items(keys.EXECUTOR_TASKS):
            if load(item)["run"] == run_id:
                yield item.key[len(keys.EXECUTOR_TASKS) :]

    def _ended(self, instance: Instance, run: Run, config: RunConfig, active: list[str]) -> Run:
        now = self._clock.now()
        run = replace(run, annotations={**run.annotations, REASON: LOST})
        if run.phase is Phase.QUEUED:
            return actions.cancel(run, now)
        tasks = dict(run.tasks)
        for task_id in active:
            tasks[task_id] = self._stopped(instance, tasks[task_id], now)
        self._outputs.persist_logs(
            TaskOutputs(task_id, tasks[task_id].setup, tasks[task_id].steps) for task_id in active
        )
        run = replace(run, tasks=tasks, stop=True)
        return advance(run, config, {}, now=now).run

    def _stopped(self, instance: Instance, task: Task, now: float) -> Task:
        if task.status.final:
            return task
        return replace(
            task,
            status=Status.STOPPED,
            reason=LOST,
            end_time=now,
            setup=self._stopped_step(instance, task, None, task.setup, now),
            steps=tuple(
                self._stopped_step(instance, task, number, step, now)
                for number, step in enumerate(task.steps)
            ),
        )

    def _stopped_step(
        self, instance: Instance, task: Task, number: int | None, step: Step, now: float
    ) -> Step:
        phase = _ENDED.get(step.phase, step.phase)
        end_time = now if step.phase is StepPhase.RUNNING else step.end_time
        log = self._save_log(instance, task, number, step)
        return replace(step, phase=phase, end_time=end_time, log=log)

    def _save_log(
        self, instance: Instance, task: Task, number: int | None, step: Step
    ) -> OutputPhase:
        """Keep what a step had written before its process died."""
        path = self._log_file(instance.directory, task.id, number)
        if step.log is OutputPhase.FINISHED or not path.exists():
            return step.log
        with path.open("rb") as source:
            self._outputs.put_log(task.id, number, source, path.stat().st_size)
        return OutputPhase.FINISHED
