"""Simulated threads and virtual time.

A task is a greenlet. It runs until it takes a *step* (input or output), waits
or sleeps; then the scheduler picks who goes on. Nothing else ever runs at the
same time, so a trial is a function of its seed.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from greenlet import getcurrent, greenlet

from .chance import Chance

if TYPE_CHECKING:
    from .process import Process

__all__ = ["Dead", "Scheduler", "Stuck", "Task"]

STEP = 0.001
"""Virtual seconds that a step takes."""


class Dead(BaseException):
    """The process that runs this code is dead: nothing that it does has an effect any more."""


class Stuck(Exception):
    """Nobody can go on, or nobody comes to an end."""


class Task:
    """A simulated thread."""

    __slots__ = ("done", "epoch", "fired", "greenlet", "name", "process", "waiters")

    def __init__(self, process: Process | None, name: str) -> None:
        self.process, self.name = process, name
        self.epoch = 0
        self.fired = False
        self.done = False
        self.waiters: list[Task] = []
        self.greenlet: greenlet


class Scheduler:
    """Runs tasks, one at a time, in an order that chance decides.

    :param sticky: probability that a task simply goes on after a step.
    :param limit: steps after which a trial is `Stuck`.
    :ivar now: virtual seconds since the beginning.
    :ivar running: tasks that have not come to their end.
    :ivar hazard: called at every step with the task that takes it: crashes, freezes.
    """

    def __init__(self, chance: Chance, *, sticky: float, limit: int) -> None:
        self.now = 0.0
        self.steps = 0
        self.running = 0
        self.hazard: Callable[[Task], None] | None = None
        self.current: Task | None = None
        self._chance, self._sticky, self._limit = chance, sticky, limit
        self._hub = getcurrent()
        self._ready: list[Task] = []
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = 0
        self._all: list[Task] = []

    def spawn(self, process: Process | None, name: str, run: Callable[[], None]) -> Task:
        """Begin a task; it gets its first turn when the scheduler picks it."""
        task = Task(process, name)
        task.greenlet = greenlet(partial(self._main, task, run), self._hub)
        if process is not None:
            process.tasks.append(task)
        self._ready.append(task)
        self._all.append(task)
        self.running += 1
        return task

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        """Call back, outside of every task, when that time has passed."""
        self._serial += 1
        heapq.heappush(self._timers, (self.now + seconds, self._serial, call))

    def step(self) -> None:
        """Give way to others, or not: the place where everything may happen.

        :raises Dead: the process is no more.
        """
        task = self.current
        if task is None:
            return  # outside of the simulation: an audit
        process = task.process
        if process is not None and not process.alive:
            raise Dead
        self.steps += 1
        self.now += STEP
        if self.hazard is not None:
            self.hazard(task)
        if process is not None and process.frozen_until > self.now:
            self.sleep(process.frozen_until - self.now)
            return
        if self._chance.random() < self._sticky and not self._due():
            return
        if not self._ready and not self._due():
            return
        self._ready.append(task)
        self._switch(task)

    def sleep(self, seconds: float) -> None:
        """Let the current task pause."""
        self.wait([], seconds)

    def wait(self, queue: list[Task], timeout: float | None) -> bool:
        """Park the current task in ``queue`` until it is woken (True) or time runs out (False)."""
        task = self.current
        if task is None:
            self.now += timeout or 0.0
            return False
        if task.process is not None and not task.process.alive:
            raise Dead
        task.fired = False
        queue.append(task)
        if timeout is not None:
            self.after(max(0.0, timeout), partial(self._expire, queue, task, task.epoch))
        self._switch(task)
        process = task.process
        while process is not None and process.frozen_until > self.now:
            woken = task.fired
            self.after(process.frozen_until - self.now, partial(self._resume, task, task.epoch))
            self._switch(task)
            task.fired = woken
        return task.fired

    def wake(self, queue: list[Task]) -> None:
        """Wake all tasks that are parked in ``queue``."""
        for task in queue:
            task.epoch += 1
            task.fired = True
            self._ready.append(task)
        queue.clear()

    def wake_one(self, queue: list[Task]) -> None:
        """Wake one task of ``queue``, any of them: locks are not fair."""
        if queue:
            task = queue.pop(self._chance.below(len(queue)))
            self.wake([task])

    def leave(self) -> None:
        """Give the turn up for ever: for a task whose process was just killed under it."""
        self._hub.switch()
        raise Dead  # the kill comes as an exception at the switch; this is for the type checker

    def kill(self, process: Process) -> None:
        """Unwind all tasks of a dead process, without any effect on the world. From the hub only."""
        for task in process.tasks:
            if task.done:
                continue
            self._end(task)
            task.epoch += 1
            if task.greenlet:
                self.current = task
                task.greenlet.throw(Dead())
        self.current = None
        process.tasks.clear()

    def run(self, finished: Callable[[], bool]) -> None:
        """Let tasks run until ``finished`` says so.

        :raises Stuck: it never will.
        """
        ready, chance = self._ready, self._chance
        while not finished():
            if self.steps > self._limit:
                raise Stuck(f"no end after {self._limit} steps")
            if self._due():
                heapq.heappop(self._timers)[2]()
                continue
            if not ready:
                if not self._timers:
                    raise Stuck("nobody can go on")
                self.now = max(self.now, self._timers[0][0])
                continue
            at = int(chance.random() * len(ready))
            task = ready[at]
            last = ready.pop()
            if last is not task:
                ready[at] = last
            if task.done:
                continue
            self.current = task
            task.greenlet.switch()
            self.current = None

    def abandon(self) -> None:
        """Unwind whatever is left: the trial is over."""
        for task in self._all:
            if not task.done and task.greenlet:
                task.done = True
                if task.process is not None:
                    task.process.alive = False
                self.current = task
                task.greenlet.throw(Dead())
        self.current = None

    def _due(self) -> bool:
        return bool(self._timers) and self._timers[0][0] <= self.now

    def _main(self, task: Task, run: Callable[[], None]) -> None:
        try:
            run()
        except Dead:
            pass
        finally:
            self._end(task)
            self.wake(task.waiters)

    def _end(self, task: Task) -> None:
        if not task.done:
            task.done = True
            self.running -= 1

    def _switch(self, task: Task) -> None:
        self._hub.switch()
        self.current = task
        if task.process is not None and not task.process.alive:
            raise Dead

    def _expire(self, queue: list[Task], task: Task, epoch: int) -> None:
        if task.epoch == epoch and not task.done:
            if task in queue:
                queue.remove(task)
            self._resume(task, epoch)

    def _resume(self, task: Task, epoch: int) -> None:
        if task.epoch == epoch and not task.done:
            task.epoch += 1
            self._ready.append(task)
