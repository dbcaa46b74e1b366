"""Reports on their way to the runservice."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

from ostler.errors import BadRequest, Conflict, NotFound, Unavailable
from ostler.services.api import TaskReport

from .outcome import Outcome
from .progress import Progress
from .shared import Shared

__all__ = ["Outbox"]

_LOG = logging.getLogger(__name__)
_PATIENCE = 0.05
_REFUSED = (BadRequest, Conflict, NotFound)


class Outbox:
    """One thread that sends reports, many at once, one call at a time.

    Ends go out at once. A state in between waits a moment, and is never sent
    when it is overtaken meanwhile: a quick task costs one report.
    """

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._changed = threading.Condition(threading.Lock())
        self._running: dict[str, tuple[float, Progress]] = {}
        self._ended: dict[str, Outcome] = {}
        self._sending: dict[str, Outcome] = {}
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="reports", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def changed(self, progress: Progress) -> None:
        """Say that a task has a new state."""
        with self._changed:
            if progress.task_id not in self._running:
                due = self._shared.clock.monotonic() + _PATIENCE
                self._running[progress.task_id] = due, progress
                if len(self._running) == 1:
                    self._changed.notify()

    def ended(self, outcome: Outcome) -> None:
        """Say that a task has ended."""
        with self._changed:
            self._running.pop(outcome.task_id, None)
            self._ended[outcome.task_id] = outcome
            self._changed.notify()

    def remind(self) -> None:
        """Put ends on the disk that wait for their acknowledgement since the last call."""
        for outcome in self._waiting():
            outcome.remind()

    def close(self, timeout: float) -> None:
        """Send what is there, for ``timeout`` seconds at most; what is left is kept on the disk."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(timeout)
        for outcome in self._waiting():
            outcome.keep()

    def _waiting(self) -> list[Outcome]:
        with self._changed:
            return [*self._sending.values(), *self._ended.values()]

    def _work(self) -> None:
        attempt = 0
        while (running := self._take()) is not None:
            if self._deliver(running):
                attempt = 0
            elif self._shared.pause(attempt):
                return
            else:
                attempt += 1

    def _take(self) -> list[Progress] | None:
        """Wait until something is due, and take it; None: closed, and nothing is left."""
        with self._changed:
            while not (self._ended or self._closed):
                left = self._patience()
                if left is not None and left <= 0:
                    break
                self._changed.wait(left)
            if self._closed and not self._ended:
                return None
            self._sending, self._ended = self._ended, {}
            return self._take_due()

    def _patience(self) -> float | None:
        first = min((due for due, _ in self._running.values()), default=None)
        return None if first is None else first - self._shared.clock.monotonic()

    def _take_due(self) -> list[Progress]:
        now = self._shared.clock.monotonic()
        due = [progress for at, progress in self._running.values() if at <= now]
        for progress in due:
            del self._running[progress.task_id]
        return due

    def _deliver(self, running: Sequence[Progress]) -> bool:
        """Send what was taken; return whether it need not be sent again."""
        reports = [progress.report() for progress in running]
        reports += [outcome.report() for outcome in self._sending.values()]
        try:
            self._send(reports)
        except Exception as error:
            if not isinstance(error, Unavailable):
                _LOG.exception("the runservice failed to take %d reports", len(reports))
            self._put_back(running)
            return False
        self._acknowledge()
        return True

    def _send(self, reports: Sequence[TaskReport]) -> None:
        try:
            self._shared.client.report(self._shared.executor_id, reports)
        except _REFUSED as error:
            if len(reports) == 1:
                _LOG.error("the runservice refuses task %s: %s", reports[0].task_id, error.message)
                return
            for report in reports:
                self._send([report])

    def _put_back(self, running: Sequence[Progress]) -> None:
        for outcome in self._sending.values():
            outcome.keep()
        with self._changed:
            again = {item.task_id: (0.0, item) for item in running}
            self._ended = {**self._sending, **self._ended}
            self._sending = {}
            self._running = {
                task_id: item
                for task_id, item in {**self._running, **again}.items()
                if task_id not in self._ended
            }

    def _acknowledge(self) -> None:
        with self._changed:
            sent, self._sending = self._sending, {}
        for outcome in sent.values():
            outcome.acknowledged()
