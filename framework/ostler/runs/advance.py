"""How a run moves: one pure function."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import heapify, heappop, heappush
from typing import assert_never

from .config import Condition, RunConfig, TaskConfig
from .graph import Graph, graph_of
from .model import ExecutorTaskRef, Phase, Result, Run, Status, Task

__all__ = ["Advance", "Mark", "advance"]

_MANY_PARENTS = 16


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a run had come at an earlier call. Given back, it saves walking; it changes no result.

    What it says of a run stays true: a task that is final remains so.

    :param final: tasks at the end of the graph's order that are known to be final.
    :param parents: by task with many parents: how many, from its last, are known to be settled.
    :param stopped: the stop was carried out.
    """

    final: int = 0
    parents: Mapping[str, int] = field(default_factory=dict)
    stopped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """What `advance` makes of a run.

    :param to_submit: ids of tasks that may be given to an executor now, by
        level, then name. Each is ``notstarted`` and has no executor task; one
        that a later call cancels is no longer to be given to any.
    :param changed: ids of the tasks whose state differs from before.
    :param mark: to be given to the next call for this run, with ``changed``.
    """

    run: Run
    to_submit: tuple[str, ...] = ()
    changed: frozenset[str] = frozenset()
    mark: Mark = Mark()


def advance(
    run: Run,
    config: RunConfig,
    executor_tasks: Mapping[str, ExecutorTaskRef],
    *,
    now: float,
    changed: Collection[str] | None = None,
    mark: Mark | None = None,
) -> Advance:
    """Bring a run as far as it goes, and say which of its tasks may start.

    Settles the result, every task that can be settled without an executor, and
    the phase. Calling it again on its own result changes nothing. Only a
    running run moves.

    :param executor_tasks: by task id, finished ones included for as long as they are kept.
    :param now: seconds since 1970-01-01 UTC, for the end times of what ends here.
    :param changed: tasks whose state or executor task changed since the last
        call for this run; only they and what follows from them are looked at,
        and ``to_submit`` names only such tasks. None: look at everything.
    :param mark: of that last call. Without it a stopped run, and now and then a
        wide graph, are walked again.
    """
    if run.phase is not Phase.RUNNING:
        return Advance(run=run)
    known = Mark() if mark is None or changed is None else mark
    return _Pass(run, config, executor_tasks, now, known).make(changed)


def _settles(status: Status) -> Condition | None:
    """Return the condition that a parent with this final status satisfies."""
    match status:
        case Status.SUCCESS:
            return Condition.ON_SUCCESS
        case Status.FAILED:
            return Condition.ON_FAILURE
        case Status.SKIPPED:
            return Condition.ON_SKIPPED
        case Status.STOPPED | Status.CANCELLED | Status.NOTSTARTED | Status.RUNNING:
            return None
        case _:
            assert_never(status)


_SETTLES = {status: _settles(status) for status in Status}


class _Pass:
    """One call: what it was given, and what it has changed so far."""

    def __init__(
        self,
        run: Run,
        config: RunConfig,
        executor_tasks: Mapping[str, ExecutorTaskRef],
        now: float,
        mark: Mark,
    ) -> None:
        self._run = run
        self._configs = config.tasks
        self._graph: Graph = graph_of(config)
        self._executor_tasks = executor_tasks
        self._now = now
        self._mark = mark
        self._result = run.result
        self._tasks = run.tasks
        self._parents = mark.parents
        self._submit: set[int] = set()
        self._changed: set[str] = set()

    def make(self, changed: Collection[str] | None) -> Advance:
        """Do it all."""
        if self._result is Result.UNKNOWN:
            self._result = self._early_result(self._graph.order if changed is None else changed)
        self._walk(self._begin(changed))
        final = _from_end(self._graph.order, self._mark.final, self._is_final)
        all_final = final == len(self._graph.order)
        if all_final and self._result is Result.UNKNOWN:
            self._result = Result.SUCCESS
        order = self._graph.order
        return Advance(
            run=self._new_run(over=all_final and not self._executors_active()),
            to_submit=tuple(order[rank] for rank in sorted(self._submit)),
            changed=frozenset(self._changed),
            mark=Mark(final, self._parents, self._run.stop),
        )

    def _early_result(self, candidates: Collection[str]) -> Result:
        if any(self._fails_the_run(task_id) for task_id in candidates):
            return Result.FAILED
        return Result.STOPPED if self._run.stop else Result.UNKNOWN

    def _fails_the_run(self, task_id: str) -> bool:
        failed = self._tasks[task_id].status is Status.FAILED
        return failed and not self._configs[task_id].ignore_failure

    def _begin(self, changed: Collection[str] | None) -> list[int]:
        """Return the ranks of the tasks to look at first, as a heap."""
        if changed is None or (self._run.stop and not self._mark.stopped):
            return list(range(len(self._graph.order)))
        ranks = {self._graph.rank[task_id] for task_id in changed}
        for task_id in changed:
            if self._is_settled(task_id):
                ranks.update(self._graph.children[task_id])
        if self._result is not self._run.result:
            ranks.update(self._graph.roots)
        heap = list(ranks)
        heapify(heap)
        return heap

    def _walk(self, heap: list[int]) -> None:
        """Decide tasks in order; whoever is settled brings its children in."""
        order, children = self._graph.order, self._graph.children
        while heap:
            rank = heappop(heap)
            if self._decide(order[rank], rank):
                for child in children[order[rank]]:
                    heappush(heap, child)

    def _decide(self, task_id: str, rank: int) -> bool:
        """Look at a task; return whether it was settled by that."""
        task = self._tasks[task_id]
        if task.status is not Status.NOTSTARTED or task_id in self._executor_tasks:
            return False
        config = self._configs[task_id]
        if config.skip:
            return self._end(task, Status.SKIPPED, "its `when` does not match")
        if self._run.stop:
            return self._end(task, Status.CANCELLED, "the run was stopped")
        if not config.depends and self._result is not Result.UNKNOWN:
            return self._end(task, Status.CANCELLED, "the run had failed before it started")
        if not self._decidable(task_id):
            return False
        if reason := self._unsatisfied(config):
            return self._end(task, Status.SKIPPED, reason)
        self._let_go(task, config, rank)
        return False

    def _decidable(self, task_id: str) -> bool:
        parents = self._graph.parents[task_id]
        known = self._parents.get(task_id, 0)
        settled = _from_end(parents, known, self._is_settled)
        if settled - known > _MANY_PARENTS:
            self._parents = {**self._parents, task_id: settled}
        return settled == len(parents)

    def _unsatisfied(self, config: TaskConfig) -> str:
        """Return why a dependency is not satisfied; empty: all of them are."""
        for dependency in config.depends:
            status = self._tasks[dependency.task_id].status
            if _SETTLES[status] not in dependency.conditions:
                return f"task {self._configs[dependency.task_id].name!r} ended as {status.value}"
        return ""

    def _let_go(self, task: Task, config: TaskConfig, rank: int) -> None:
        waits = config.approval and not task.approved
        if not waits:
            self._submit.add(rank)
        if task.waiting_approval != waits:
            self._put(replace(task, waiting_approval=waits))

    def _end(self, task: Task, status: Status, reason: str) -> bool:
        self._put(
            replace(task, status=status, waiting_approval=False, end_time=self._now, reason=reason)
        )
        return True

    def _put(self, task: Task) -> None:
        if not self._changed:
            self._tasks = dict(self._tasks)
        self._tasks[task.id] = task  # type: ignore[index]  # a copy of our own since the first change
        self._changed.add(task.id)

    def _is_final(self, task_id: str) -> bool:
        return self._tasks[task_id].status.final

    def _is_settled(self, task_id: str) -> bool:
        task = self._tasks[task_id]
        return task.status.final and task.archived

    def _executors_active(self) -> bool:
        return any(task.active for task in self._executor_tasks.values())

    def _new_run(self, *, over: bool) -> Run:
        run = self._run
        if not over and not self._changed and self._result is run.result:
            return run
        return replace(
            run,
            tasks=self._tasks,
            result=self._result,
            phase=Phase.FINISHED if over else run.phase,
            end_time=self._now if over else run.end_time,
        )


def _from_end(ids: Sequence[str], known: int, holds: Callable[[str], bool]) -> int:
    """Return for how many ids, counted from the last, something holds; for ``known`` of them it does."""
    count = known
    while count < len(ids) and holds(ids[-1 - count]):
        count += 1
    return count
