"""Threads that take jobs as they come."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

from ostler.clock import Clock

__all__ = ["Job", "Workers"]

Job = Callable[[], None]
"""Never raises."""


class Workers:
    """Reusable threads, made when no other is free, up to a limit.

    :param limit: threads at most; None: as many as there are jobs.
    """

    def __init__(self, name: str, limit: int | None, clock: Clock) -> None:
        self._name = name
        self._limit = limit
        self._clock = clock
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._spare = 0  # threads without a job, less jobs without a thread

    def submit(self, job: Job) -> None:
        """Have a thread do the job, as soon as one is free."""
        with self._lock:
            self._spare -= 1
            grow = self._spare < 0 and (self._limit is None or len(self._threads) < self._limit)
            if grow:
                self._spare += 1
                self._add()
        self._jobs.put(job)

    def close(self, timeout: float) -> bool:
        """Let the threads end after the jobs at hand; return whether they did in ``timeout`` seconds."""
        for _ in self._threads:
            self._jobs.put(None)
        until = self._clock.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(until - self._clock.monotonic(), 0))
        return not any(thread.is_alive() for thread in self._threads)

    def _add(self) -> None:
        name = f"{self._name}-{len(self._threads) + 1}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            with self._lock:
                self._spare += 1
