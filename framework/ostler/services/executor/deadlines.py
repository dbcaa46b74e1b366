"""Callbacks at a point in time, all of them from one thread."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable

from ostler.clock import Clock

__all__ = ["Deadlines"]


class Deadlines:
    """A thread that is made with the first deadline, and sleeps until the nearest one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._heap: list[tuple[float, int]] = []
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None
        self._closed = False

    def add(self, seconds: float, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back in ``seconds``, briefly; return what calls that off."""
        with self._changed:
            number = next(self._numbers)
            self._callbacks[number] = callback
            heapq.heappush(self._heap, (self._clock.monotonic() + seconds, number))
            self._start()
            self._changed.notify()
        return lambda: self._forget(number)

    def close(self) -> None:
        """Forget every deadline and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread:
            self._thread.join()

    def _forget(self, number: int) -> None:
        with self._changed:
            self._callbacks.pop(number, None)
            while self._heap and self._heap[0][1] not in self._callbacks:
                heapq.heappop(self._heap)

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="deadlines", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while (callback := self._next()) is not None:
            callback()

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            while not self._closed:
                left = self._heap[0][0] - self._clock.monotonic() if self._heap else None
                if left is None or left > 0:
                    self._changed.wait(left)
                    continue
                callback = self._callbacks.pop(heapq.heappop(self._heap)[1], None)
                if callback is not None:
                    return callback
            return None
