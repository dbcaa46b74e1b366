"""Which executor takes a task: a pure choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ostler.spi.runs import ExecutorView

from .config import TaskConfig

__all__ = ["Candidate", "Placement", "Rank", "choose"]

Rank = Callable[[Sequence[ExecutorView]], Sequence[str] | None]
"""Puts executors into an order, best first, or leaves some out; None: no opinion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An executor as the scheduler knows it.

    :param limit: tasks at once; None: unlimited, 0: none.
    :param active: executor tasks stored as active on it, whatever it says itself.
    :param last_seen: seconds since 1970-01-01 UTC.
    """

    id: str
    archs: Sequence[str]
    last_seen: float
    group: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    limit: int | None = None
    active: int = 0
    allow_privileged: bool = False
    draining: bool = False

    @property
    def free(self) -> int | None:
        """Slots left, never negative; None: unlimited."""
        return None if self.limit is None else max(0, self.limit - self.active)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a task goes, or why nowhere.

    :param executor_id: None: it cannot be placed now.
    :param reason: of that, for people; empty when it is placed.
    :param permanent: no executor that is alive could ever take it.
    """

    executor_id: str | None
    reason: str = ""
    permanent: bool = False


def choose(
    task: TaskConfig,
    executors: Sequence[Candidate],
    *,
    now: float,
    alive_after: float = 30.0,
    rank: Rank | None = None,
) -> Placement:
    """Choose an executor for a task, by default the one with the most free slots.

    Unlimited counts as most; among several of those the least busy goes first;
    ties by id.

    :param alive_after: seconds of silence that an executor may keep.
    """
    alive = [one for one in executors if now - one.last_seen <= alive_after]
    if not alive:
        return Placement(None, "no executor is alive" if executors else "there is no executor")
    able = [one for one in alive if all(ask.met_by(one) for ask in _asks(task))]
    if not able:
        return Placement(None, _nobody(_asks(task), alive), permanent=True)
    ready = sorted((one for one in able if _ready(one)), key=_busy)
    if not ready:
        return Placement(None, _busy_all(able))
    return _ranked(ready, rank)


@dataclass(frozen=True, slots=True)
class _Ask:
    """Something that a task asks of an executor, and how to say that it is missing."""

    text: str
    met_by: Callable[[Candidate], bool]


def _asks(task: TaskConfig) -> list[_Ask]:
    asks: list[_Ask] = []
    if task.arch:
        asks.append(_Ask(f"has architecture {task.arch}", lambda one: task.arch in one.archs))
    if any(container.privileged for container in task.containers):
        asks.append(_Ask("allows privileged containers", lambda one: one.allow_privileged))
    asks.extend(_label(name, value) for name, value in sorted(task.labels.items()))
    return asks


def _label(name: str, value: str) -> _Ask:
    return _Ask(f"carries label {name}={value}", lambda one: one.labels.get(name) == value)


def _nobody(asks: Sequence[_Ask], alive: Sequence[Candidate]) -> str:
    """Name what no executor has; when each has something, all of it."""
    missing = [ask for ask in asks if not any(ask.met_by(one) for one in alive)]
    return "no executor " + " and ".join(ask.text for ask in missing or asks)


def _ready(one: Candidate) -> bool:
    return not one.draining and one.free != 0


def _busy(one: Candidate) -> tuple[bool, int, str]:
    return (True, -one.free, one.id) if one.free is not None else (False, one.active, one.id)


def _busy_all(able: Sequence[Candidate]) -> str:
    draining = sum(one.draining for one in able)
    counts = {"full": len(able) - draining, "draining": draining}
    return ", ".join(
        f"{count} executor{'s' if count > 1 else ''} {state}"
        for state, count in counts.items()
        if count
    )


def _ranked(ready: Sequence[Candidate], rank: Rank | None) -> Placement:
    order = rank([_view(one) for one in ready]) if rank else None
    if order is None:
        return Placement(ready[0].id)
    known = {one.id for one in ready}
    best = next((executor_id for executor_id in order if executor_id in known), None)
    if best is None:
        return Placement(None, "the scheduling policy left out every executor")
    return Placement(best)


def _view(one: Candidate) -> ExecutorView:
    return ExecutorView(
        id=one.id,
        group=one.group,
        archs=one.archs,
        labels=one.labels,
        active=one.active,
        free=one.free,
    )
