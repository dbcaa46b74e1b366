"""Where work waits for an executor until it polls."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from ostler.clock import Clock
from ostler.errors import NotFound
from ostler.services.api import Assignments, ExecutorStatus, ExecutorTask

__all__ = ["Mailboxes"]


class _Mailbox:
    def __init__(self) -> None:
        self.filled = threading.Condition()
        self.start: list[ExecutorTask] = []
        self.stop: list[str] = []

    def take(self, timeout: float) -> Assignments:
        with self.filled:
            self.filled.wait_for(lambda: self.start or self.stop, timeout)
            taken = Assignments(start=tuple(self.start), stop=tuple(self.stop))
            self.start, self.stop = [], []
        return taken

    def put(self, start: Iterable[ExecutorTask], stop: Iterable[str]) -> None:
        with self.filled:
            self.start.extend(start)
            self.stop.extend(stop)
            self.filled.notify_all()


class Mailboxes:
    """The registered executors and what each of them must do."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._boxes: dict[str, _Mailbox] = {}
        self._known: dict[str, tuple[ExecutorStatus, float]] = {}

    def register(self, status: ExecutorStatus) -> bool:
        """Note that an executor is there; return whether that is news."""
        with self._lock:
            before = self._known.get(status.id)
            self._known[status.id] = (status, self._clock.now())
            self._boxes.setdefault(status.id, _Mailbox())
        return before is None or before[0] != status

    def known(self) -> list[tuple[ExecutorStatus, float]]:
        """Return what every executor last said of itself, and when."""
        with self._lock:
            return list(self._known.values())

    def poll(self, executor_id: str, timeout: float) -> Assignments:
        """Wait for work, see `RunserviceForExecutors.poll`.

        :raises NotFound: it has not registered.
        """
        return self._box(executor_id).take(timeout)

    def start(self, executor_id: str, tasks: Iterable[ExecutorTask]) -> None:
        """Give tasks to an executor."""
        self._box(executor_id).put(tasks, ())

    def stop(self, executor_id: str, task_ids: Iterable[str]) -> None:
        """Tell an executor to end tasks."""
        self._box(executor_id).put((), task_ids)

    def _box(self, executor_id: str) -> _Mailbox:
        with self._lock:
            box = self._boxes.get(executor_id)
        if box is None:
            raise NotFound(f"executor {executor_id} has not registered")
        return box
