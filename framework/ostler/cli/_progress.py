"""What a foreground run shows while it runs: the events, and the thread that shows them."""

from __future__ import annotations

import queue
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable

from ostler.runs.config import RunConfig
from ostler.runs.model import Run
from ostler.runs.reports import TaskReport

__all__ = ["Progress"]

_Event = tuple[Run, frozenset[str]] | TaskReport | None


class Progress(ABC):
    """Shows runs from a thread of its own, so that showing never holds them up.

    :param pause: seconds after which `idle` is called when nothing happens.
    """

    def __init__(self, pause: float = 0.1) -> None:
        self._pause = pause
        self._events: queue.SimpleQueue[_Event] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._show, name="progress", daemon=True)
        self.configs: dict[str, RunConfig] = {}

    def start(self) -> None:
        """Begin to show."""
        self._thread.start()

    def add(self, run: Run, config: RunConfig) -> None:
        """Show a run from now on; called before it can start."""
        self.configs[run.id] = config
        self._events.put((run, frozenset()))

    def run_changed(self, run: Run, changed: frozenset[str]) -> None:
        """Take a stored state of a run, and which of its tasks changed. Any thread."""
        self._events.put((run, changed))

    def task_moved(self, report: TaskReport) -> None:
        """Take a task's state from its worker. Any thread."""
        self._events.put(report)

    def close(self) -> None:
        """Show what is left and end."""
        self._events.put(None)
        self._thread.join()

    @abstractmethod
    def abandon(self) -> None:
        """Leave the terminal as it was found: the process ends now. Called from a signal handler."""

    @abstractmethod
    def show_run(self, run: Run, changed: Iterable[str]) -> None:
        """Show a run's new state."""

    @abstractmethod
    def show_task(self, report: TaskReport) -> None:
        """Show a task's new state."""

    @abstractmethod
    def idle(self) -> None:
        """Show what comes without an event: output of running steps."""

    def _show(self) -> None:
        while True:
            try:
                event = self._events.get(timeout=self._pause)
            except queue.Empty:
                self.idle()
                continue
            if event is None:
                self.idle()
                return
            if isinstance(event, TaskReport):
                self.show_task(event)
            elif event[0].id in self.configs:
                self.show_run(*event)
