"""Logs and archives of a task on their way to object storage."""

from __future__ import annotations

import logging
from collections import deque
from typing import Protocol

from ostler.errors import Unavailable
from ostler.runs.model import OutputPhase, StepPhase

from .files import TaskFiles
from .logs import LogFile
from .outcome import Outcome
from .progress import Progress
from .shared import Shared

__all__ = ["Delivery"]

_LOG = logging.getLogger(__name__)


class _Item(Protocol):
    """Something to be stored."""

    def store(self, shared: Shared, progress: Progress) -> None:
        """Store it and note that in ``progress``."""

    def __str__(self) -> str: ...


class _Log:
    def __init__(self, log: LogFile) -> None:
        self._log = log

    def store(self, shared: Shared, progress: Progress) -> None:
        step = self._log.step
        try:
            source, size = self._log.content()
            shared.client.put_log(progress.task_id, step, source, size)
        finally:
            self._log.close()
        progress.log_stored(step)

    def __str__(self) -> str:
        step = self._log.step
        return "the log of the setup" if step is None else f"the log of step {step}"


class _Archive:
    def __init__(self, step: int, path: str) -> None:
        self._step = step
        self._path = path

    def store(self, shared: Shared, progress: Progress) -> None:
        with open(self._path, "rb") as source:
            shared.client.put_archive(progress.task_id, self._step, source)
        progress.archive_stored(self._step)

    def __str__(self) -> str:
        return f"the workspace archive of step {self._step}"


class Delivery:
    """Stores what a task leaves: as it comes when that works, in the end until it does."""

    def __init__(self, shared: Shared, progress: Progress, files: TaskFiles) -> None:
        self._shared = shared
        self._progress = progress
        self._files = files
        self._waiting: deque[_Item] = deque()

    @classmethod
    def resumed(cls, shared: Shared, progress: Progress, files: TaskFiles) -> Delivery:
        """Take up what an earlier life of the executor has left on the disk."""
        delivery = cls(shared, progress, files)
        files.find()
        for number in (None, *range(len(progress.steps))):
            step = progress.step(number)
            if step.start_time is not None and step.log is OutputPhase.NOTSTARTED:
                delivery.add_log(LogFile.found(files, number))
            archived = number is not None and step.archive is OutputPhase.NOTSTARTED
            if archived and step.phase is StepPhase.SUCCESS:
                delivery.add_archive(number)
        return delivery

    def add_log(self, log: LogFile) -> None:
        """Have a log stored that is complete."""
        self._waiting.append(_Log(log))

    def add_archive(self, step: int) -> None:
        """Have the archive stored that a step left."""
        self._waiting.append(_Archive(step, self._files.archive(step)))

    def attempt(self) -> bool:
        """Store what waits; return whether nothing waits any more.

        What can never be stored fails the task, with the reason.
        """
        while self._waiting:
            item = self._waiting[0]
            try:
                item.store(self._shared, self._progress)
            except Unavailable as error:
                self._say(item, error)
                return False
            except Exception as error:
                reason = self._shared.describe(error, f"task {self._progress.task_id}")
                self._progress.fail(f"{item} cannot be stored: {reason}")
            self._waiting.popleft()
        return True

    def finish(self, outcome: Outcome) -> bool:
        """Store what waits, until it is stored; return False when the executor ended before.

        The outcome is kept on the disk as soon as something has to wait.
        """
        attempt = 0
        while not self.attempt():
            outcome.keep()
            if self._shared.pause(attempt):
                return False
            attempt += 1
        return True

    def _say(self, item: _Item, error: Unavailable) -> None:
        _LOG.warning(
            "%s of task %s is not stored yet, trying again: %s",
            item,
            self._progress.task_id,
            error.message,
        )
