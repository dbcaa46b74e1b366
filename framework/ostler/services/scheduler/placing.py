"""Which executor takes a task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial

from ostler.runs.config import TaskConfig
from ostler.runs.placement import Candidate, Placement, choose
from ostler.services.api import ExecutorStatus
from ostler.services.policies import Policies
from ostler.spi.runs import TaskView

__all__ = ["Placing"]

Known = Callable[[], Iterable[tuple[ExecutorStatus, float]]]


class Placing:
    """Places tasks on executors and counts what is active on each of them.

    :param known: every registered executor, and when it last said that it is there.
    """

    def __init__(self, policies: Policies, known: Known) -> None:
        self._policies = policies
        self._known = known
        self._active: Counter[str] = Counter()

    def place(self, task: TaskConfig, view: Callable[[], TaskView], now: float) -> Placement:
        """Choose an executor for a task and take a slot there; or say why there is none.

        :param view: of the task, made if a policy wants it.
        """
        policy = self._policies.rank
        rank = partial(policy, view()) if policy else None
        chosen = choose(task, self._candidates(), now=now, rank=rank)
        if chosen.executor_id:
            self._active[chosen.executor_id] += 1
        return chosen

    def take(self, executor_ids: Iterable[str]) -> None:
        """Take slots, one for each id."""
        self._active.update(executor_ids)

    def release(self, executor_ids: Iterable[str]) -> None:
        """Give slots back, one for each id."""
        self._active.subtract(executor_ids)

    def _candidates(self) -> list[Candidate]:
        return [
            Candidate(
                id=status.id,
                group=status.group,
                archs=tuple(status.archs),
                labels=status.labels,
                limit=status.limit,
                active=self._active[status.id],
                allow_privileged=status.allow_privileged,
                draining=status.draining,
                last_seen=seen,
            )
            for status, seen in self._known()
        ]
