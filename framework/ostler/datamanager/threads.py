"""Waiting and threads, passed in, so that a simulator can decide who runs when."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from itertools import islice
from typing import Any, Protocol, TypeVar

from ostler.clock import Clock

__all__ = ["Gate", "SystemThreads", "Task", "Threads"]

A = TypeVar("A")
B = TypeVar("B")

_READERS = 16
_FEW = 8
_LONG = 0.001
"""Seconds of a call from which on threads gain more than they cost."""


class Gate(Protocol):
    """Opened once; one thread at most waits for that."""

    def open(self) -> None:
        """Let the waiting thread go on, now or when it comes. Idempotent."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is open, at most ``timeout`` seconds; return whether it is."""


class Task(Protocol):
    """Something that was spawned."""

    def join(self) -> None:
        """Wait until it has ended."""


class Threads(Protocol):
    """Where the datamanager's waiting and its threads come from."""

    def lock(self) -> AbstractContextManager[Any]:
        """Return a new mutual exclusion."""

    def gate(self) -> Gate:
        """Return a new gate, closed."""

    def spawn(self, run: Callable[[], None], name: str) -> Task:
        """Run something beside the caller."""

    def map(self, call: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
        """Yield what ``call`` makes of each item, in order; several calls may run at once."""


class _LockGate:
    """A bare lock: the cheapest thing that one thread can wait for and another release."""

    __slots__ = ("_lock", "_opened")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()
        self._opened = False

    def open(self) -> None:
        if not self._opened:
            self._opened = True
            self._lock.release()

    def wait(self, timeout: float | None = None) -> bool:
        if not self._lock.acquire(timeout=-1 if timeout is None else timeout):
            return False
        self._lock.release()
        return True


class SystemThreads:
    """The threads of this process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def lock(self) -> AbstractContextManager[Any]:
        return threading.Lock()

    def gate(self) -> Gate:
        return _LockGate()

    def spawn(self, run: Callable[[], None], name: str) -> Task:
        thread = threading.Thread(target=run, name=name, daemon=True)
        thread.start()
        return thread

    def map(self, call: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
        """Yield results; at once from several threads only where a call takes long enough to wait for."""
        remaining = iter(items)
        began = self._clock.monotonic()
        yield from map(call, islice(remaining, _FEW))
        if self._clock.monotonic() - began < _FEW * _LONG:
            yield from map(call, remaining)
            return
        with ThreadPoolExecutor(_READERS, "datamanager-read") as pool:
            yield from pool.map(call, remaining)
