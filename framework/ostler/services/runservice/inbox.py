"""What the runservice's thread has to look at next."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from ostler.runs.reports import TaskReport
from ostler.services.api import ExecutorStatus

__all__ = ["Batch", "Inbox", "Taken"]


@dataclass(frozen=True, slots=True)
class Batch:
    """Reports of one call, and what tells the caller that they are stored."""

    reports: Sequence[TaskReport]
    done: Future[None] = field(default_factory=Future)


@dataclass(frozen=True, slots=True)
class Taken:
    """Everything that arrived.

    :param changed: ids of runs that somebody else may have written.
    :param restarted: executors that begin another life.
    :param closed: nothing more will be looked at.
    """

    batches: Sequence[Batch]
    changed: frozenset[str]
    restarted: Sequence[ExecutorStatus]
    closed: bool


class Inbox:
    """Gathers what arrives until it is taken, all at once. Usable from many threads."""

    def __init__(self) -> None:
        self._filled = threading.Condition()
        self._batches: list[Batch] = []
        self._changed: set[str] = set()
        self._restarted: list[ExecutorStatus] = []
        self._woken = False
        self._closed = False

    def report(self, batch: Batch) -> bool:
        """Put reports in; False when nobody will look at them any more."""
        with self._filled:
            if self._closed:
                return False
            self._batches.append(batch)
            self._wake()
        return True

    def changed(self, run_id: str) -> None:
        """Say that a run is new, or that somebody else wrote it."""
        with self._filled:
            self._changed.add(run_id)
            self._wake()

    def restarted(self, status: ExecutorStatus) -> None:
        """Say that an executor begins another life."""
        with self._filled:
            self._restarted.append(status)
            self._wake()

    def wake(self) -> None:
        """Ask for another look at everything."""
        with self._filled:
            self._wake()

    def close(self) -> None:
        """Take what is there one last time."""
        with self._filled:
            self._closed = True
            self._wake()

    def take(self, timeout: float | None) -> Taken:
        """Wait up to ``timeout`` seconds (None: without end) for something, and take all of it."""
        with self._filled:
            self._filled.wait_for(lambda: self._woken, timeout)
            changed = frozenset(self._changed)
            taken = Taken(self._batches, changed, self._restarted, self._closed)
            self._batches, self._changed, self._restarted = [], set(), []
            self._woken = self._closed
        return taken

    def _wake(self) -> None:
        self._woken = True
        self._filled.notify()
