"""Doing many things at once, a bounded number ahead."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from .reports import Task, check_running

__all__ = ["in_parallel"]

T = TypeVar("T")


def in_parallel(items: Iterable[T], work: Callable[[T], None], task: Task) -> None:
    """Call ``work`` with each item, in ``task.jobs`` threads; return when all are done.

    Items are taken as they are needed, so that an endless listing costs no
    memory. When taking or working raises, ``task.stop`` is set, what has begun
    is waited for, and the first error comes out.

    :raises Conflict: ``task.stop`` was set (code ``"cancelled"``).
    """
    crew = _Crew(work, task.jobs, task.stop)
    with ThreadPoolExecutor(task.jobs, thread_name_prefix="transfer") as pool:
        crew.feed(pool, items)
    if crew.error is not None:
        raise crew.error
    check_running(task.stop)


class _Crew(Generic[T]):
    def __init__(self, work: Callable[[T], None], jobs: int, stop: threading.Event) -> None:
        self._work, self._stop = work, stop
        # Each thread finds its next item ready, and no more than that is kept.
        self._slots = threading.BoundedSemaphore(2 * jobs)
        self.error: BaseException | None = None

    def feed(self, pool: ThreadPoolExecutor, items: Iterable[T]) -> None:
        try:
            for item in items:
                self._slots.acquire()
                if self._stop.is_set():
                    return
                pool.submit(self._one, item)
        except BaseException as error:
            self._end(error)  # else leaving the pool would wait until all that is in it is done

    def _one(self, item: T) -> None:
        try:
            if not self._stop.is_set():
                self._work(item)
        except BaseException as error:
            self._end(error)
        finally:
            self._slots.release()

    def _end(self, error: BaseException) -> None:
        """Keep the first error: those that come of the stop that it causes are later."""
        self.error = self.error or error
        self._stop.set()
