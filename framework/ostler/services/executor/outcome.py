"""The end of a task on its way to the runservice."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ostler.services.api import TaskReport

from .files import TaskFiles
from .progress import Progress

__all__ = ["Outcome"]

_LOG = logging.getLogger(__name__)


class Outcome:
    """How a task ended, and what is to be done once that is acknowledged.

    :param done: called when it is acknowledged and the task's files are gone.
    :param kept: whether it is on the disk already.
    """

    def __init__(
        self,
        progress: Progress,
        files: TaskFiles,
        done: Callable[[str], None],
        *,
        kept: bool = False,
    ) -> None:
        self.task_id = progress.task_id
        self._progress = progress
        self._files = files
        self._done = done
        self._kept = kept
        self._reminded = False

    def report(self) -> TaskReport:
        """Return the final report."""
        return self._progress.final_report()

    def remind(self) -> None:
        """Keep it, if this is not the first time: it waits too long."""
        if self._reminded:
            self.keep()
        self._reminded = True

    def keep(self) -> None:
        """Put it on the disk, so that the executor's next life can send it."""
        if self._kept:
            return
        try:
            self._files.keep(self.report())
        except OSError as error:
            _LOG.error("the end of task %s is kept in memory only: %s", self.task_id, error)
        else:
            self._kept = True

    def acknowledged(self) -> None:
        """Remove the task's files: the runservice has everything."""
        try:
            self._files.remove()
        except OSError as error:
            _LOG.error("files of task %s are left behind: %s", self.task_id, error)
        self._done(self.task_id)
