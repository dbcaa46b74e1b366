"""Tasks on their way to executors."""

from __future__ import annotations

from collections.abc import Mapping

from ostler.errors import NotFound
from ostler.runs.views import run_view, task_view
from ostler.services.api import ExecutorTask
from ostler.services.policies import Policies

from .entries import root_group
from .live import LiveRun, Turn
from .mailboxes import Mailboxes
from .outputs import Outputs

__all__ = ["Assigning"]


class Assigning:
    """Gives tasks to executors, and knows for which run each of them works."""

    def __init__(self, outputs: Outputs, mailboxes: Mailboxes, policies: Policies) -> None:
        self._outputs = outputs
        self._mailboxes = mailboxes
        self._policies = policies
        self._runs: dict[str, LiveRun] = {}
        self._referred: set[str] = set()
        self._stopped: set[str] = set()

    def knows(self, task_id: str) -> bool:
        """Return whether a task was started here and its run is not over."""
        return task_id in self._runs

    def run_of(self, task_id: str) -> str:
        """Return the id of the run that a task was started for.

        :raises NotFound: it was not started here.
        """
        return self._live(task_id).run.id

    def assign(self, live: LiveRun, turn: Turn) -> None:
        """Hand the tasks that a stored turn started to their executors."""
        by_executor: dict[str, list[ExecutorTask]] = {}
        for task_id, executor_id in turn.started.items():
            self._runs[task_id] = live
            by_executor.setdefault(executor_id, []).append(self._task(live, task_id))
        for executor_id, tasks in by_executor.items():
            self._mailboxes.start(executor_id, tasks)

    def stop(self, live: LiveRun) -> None:
        """Tell the executors of a run's active tasks to end them, each task once."""
        for task_id, executor_id in live.active.items():
            if task_id not in self._stopped:
                self._stopped.add(task_id)
                self._mailboxes.stop(executor_id, [task_id])

    def refer(self, task_id: str) -> None:
        """Say in object storage that the run refers to the task's outputs, before there are any.

        :raises NotFound: the task was not started here.
        """
        if task_id in self._referred:
            return
        live = self._live(task_id)
        archives = any(step.archives for step in live.config.tasks[task_id].steps)
        self._outputs.refer(live.run.id, task_id, archives=archives, persist=False)
        self._referred.add(task_id)

    def forget(self, live: LiveRun) -> None:
        """Let go of a run's tasks."""
        for task_id in live.run.tasks:
            self._runs.pop(task_id, None)
            self._referred.discard(task_id)
            self._stopped.discard(task_id)

    def _live(self, task_id: str) -> LiveRun:
        live = self._runs.get(task_id)
        if live is None:
            raise NotFound(f"task {task_id} was not started by this runservice")
        return live

    def _task(self, live: LiveRun, task_id: str) -> ExecutorTask:
        config = live.config
        return ExecutorTask(
            run_id=live.run.id,
            run_name=live.run.name,
            config=config.tasks[task_id],
            environment={**config.environment, **self._environment(live, task_id)},
            cache_prefix=f"{root_group(live.run.group).strip('/')}/",
            archives=live.ancestry.archives(task_id),
        )

    def _environment(self, live: LiveRun, task_id: str) -> Mapping[str, str]:
        run, task = live.run, live.config.tasks[task_id]
        own = {
            "OSTLER_RUN_ID": run.id,
            "OSTLER_RUN_NAME": run.name,
            "OSTLER_RUN_COUNTER": str(run.counter),
            "OSTLER_TASK_ID": task.id,
            "OSTLER_TASK_NAME": task.name,
        }
        more = self._policies.task_environment
        added = more(run_view(run), task_view(run, live.config, task_id)) if more else {}
        return {**own, **added}
