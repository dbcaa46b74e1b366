"""A simulated process: its clock, its threads, its death."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any

from .chance import Chance
from .scheduler import Dead, Scheduler, Task

__all__ = ["EPOCH", "Process", "SimulatedClock", "SimulatedThreads"]

EPOCH = 1_800_000_000.0
_SPINS = 200_000


class Process:
    """What dies together.

    :param offset: by how much its wall clock is wrong, in seconds.
    :param rate: how fast its clocks go.
    :ivar frozen_until: nothing of it runs before that (virtual) time.
    """

    def __init__(
        self, scheduler: Scheduler, chance: Chance, name: str, *, offset: float, rate: float
    ) -> None:
        self.name = name
        self.alive = True
        self.frozen_until = 0.0
        self.tasks: list[Task] = []
        self.clock = SimulatedClock(scheduler, chance, name, offset, rate)
        self.threads = SimulatedThreads(scheduler, chance, self)
        self.datamanager: Any = None


class SimulatedClock:
    """The clock of one process; the datamanager's only source of time, randomness and ids."""

    def __init__(
        self, scheduler: Scheduler, chance: Chance, name: str, offset: float, rate: float
    ) -> None:
        self._scheduler, self._chance = scheduler, chance
        self._name, self._offset, self._rate = name, offset, rate
        self._ids = self._spins = 0

    def now(self) -> float:
        self._spin()
        return EPOCH + self._offset + self._scheduler.now * self._rate

    def monotonic(self) -> float:
        self._spin()
        return 1000.0 + self._scheduler.now * self._rate

    def sleep(self, seconds: float) -> None:
        self._scheduler.sleep(seconds / self._rate)

    def random(self) -> float:
        return self._chance.random()

    def new_id(self) -> str:
        self._ids += 1
        name = "".join(each for each in self._name if each.isalnum())
        return f"{int(self._scheduler.now * 1000):010d}{self._ids:06d}{name:0>10}"[:26]

    def jump(self, seconds: float) -> None:
        """Let somebody set the wall clock."""
        self._offset += seconds

    def _spin(self) -> None:
        self._spins += 1
        assert self._spins < _SPINS, "a loop that only looks at the clock"


class _Lock:
    """Mutual exclusion, not re-entrant, unfair."""

    __slots__ = ("_chance", "_held", "_queue", "_scheduler")

    def __init__(self, scheduler: Scheduler, chance: Chance) -> None:
        self._scheduler, self._chance = scheduler, chance
        self._held: Task | bool = False
        self._queue: list[Task] = []

    def __enter__(self) -> bool:
        scheduler = self._scheduler
        if scheduler.current is None:
            return True
        if self._chance.random() < 0.1:
            scheduler.step()
        while self._held:
            assert self._held is not scheduler.current, "a lock is taken twice by one thread"
            self._chance.counts["lock contention"] += 1
            scheduler.wait(self._queue, None)
        self._held = scheduler.current
        return True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._held = False
        self._scheduler.wake_one(self._queue)


class _Gate:
    """Opens once."""

    __slots__ = ("_open", "_queue", "_scheduler")

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._open = False
        self._queue: list[Task] = []

    def open(self) -> None:
        self._open = True
        self._scheduler.wake(self._queue)

    def wait(self, timeout: float | None = None) -> bool:
        if not self._open:
            self._scheduler.wait(self._queue, timeout)
        return self._open


class _Thread:
    """A handle on a task."""

    def __init__(self, scheduler: Scheduler, task: Task) -> None:
        self._scheduler, self._task = scheduler, task

    def join(self, timeout: float | None = None) -> None:
        if not self._task.done:
            self._scheduler.wait(self._task.waiters, timeout)


class SimulatedThreads:
    """The threads of one process; the datamanager's only way to wait and to run at once."""

    def __init__(self, scheduler: Scheduler, chance: Chance, process: Process) -> None:
        self._scheduler, self._chance, self._process = scheduler, chance, process

    def lock(self) -> _Lock:
        return _Lock(self._scheduler, self._chance)

    def gate(self) -> _Gate:
        return _Gate(self._scheduler)

    def spawn(self, run: Callable[[], None], name: str) -> _Thread:
        if not self._process.alive:
            raise Dead
        task = self._scheduler.spawn(self._process, f"{self._process.name}.{name}", run)
        return _Thread(self._scheduler, task)

    def map(self, call: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        return map(call, items)
