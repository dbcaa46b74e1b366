"""Runs that belong to this process: begun, watched to their end, stopped in order on Ctrl-C."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from ostler.compose import Composition, Embedded
from ostler.errors import Conflict, Error, NotFound, Unavailable, innermost
from ostler.runs.config import RunConfig
from ostler.runs.model import Phase, Result, Run
from ostler.runs.reader import ConfigError
from ostler.runs.reports import TaskReport
from ostler.services.executor.files import log_file
from ostler.spi.storage import Body

from ._describe import describe_run
from ._errors import exit_code
from ._exit import Exit
from ._interrupts import STOPPING, interruptible
from ._output import error_console, on_terminal, print_json, say
from ._printable import printable
from ._progress import Progress
from ._summary import print_summary

__all__ = ["Add", "errors_as_json", "foreground"]

Add = Callable[[str], Sequence[tuple[Run, RunConfig]]]
"""Creates the runs, given the id of the instance that owns them."""

_CHECK = 1.0
_PATIENCE = 2.0
_SHOWN_LINES = 10
_SHOWN_BYTES = 1 << 13


@contextlib.contextmanager
def errors_as_json(as_json: bool) -> Iterator[None]:
    """Print what kept a run from being made as JSON too, if it is wanted; the error goes on."""
    try:
        yield
    except Error as error:
        if as_json and exit_code(innermost(error) or error) is Exit.USAGE:
            print_json({"runs": [], "setup_errors": _messages(error)})
        raise


def _messages(error: Error) -> list[str]:
    if isinstance(error, ConfigError):
        return [str(problem) for problem in error.problems]
    return [error.message]


def foreground(
    composition: Composition, add: Add, *, approve_all: bool, as_json: bool, quiet: bool
) -> Exit:
    """Create runs and bring them to their end in this process; show them, and print the outcome.

    :raises Unavailable: the object storage does not work, or the runservice failed.
    """
    composition.recovery.recover()
    _probe(composition)
    session = _Session(composition, quiet=quiet)
    policies = composition.policies(approve_all=approve_all, watch=session.changed)
    with Embedded(composition, policies, session.moved) as embedded:
        runs = session.run(embedded, add)
    for run in runs:
        print_summary(run, session.progress.configs[run.id], session.log_end)
    if as_json:
        described = [describe_run(run, session.progress.configs[run.id]) for run in runs]
        print_json({"runs": described, "setup_errors": []})
    return _exit_code(runs)


def _probe(composition: Composition) -> None:
    """Find out that the object storage works, while no run depends on it yet."""
    patience = threading.Timer(_PATIENCE, say, ["the object storage does not work yet; trying on"])
    patience.daemon = True
    patience.start()
    try:
        composition.outputs.probe(composition.clock.new_id())
    finally:
        patience.cancel()


class _Session:
    def __init__(self, composition: Composition, *, quiet: bool) -> None:
        self._composition = composition
        self._latest: dict[str, Run] = {}
        self._open: set[str] = set()
        self._wake = threading.Event()
        self._stopping = False
        self._directory = Path()
        self._on_terminal = on_terminal() and not quiet
        self._output_shown = not (self._on_terminal or quiet)
        self.progress = self._progress(quiet)

    def run(self, embedded: Embedded, add: Add) -> list[Run]:
        self._directory = embedded.instance.directory
        # Upon a second signal the executor's supervisor kills what still runs.
        with interruptible(self._interrupted, self.progress.abandon):
            added = add(embedded.instance.id)
            self._open = {run.id for run, _ in added if not run.phase.final}
            self._latest = {run.id: run for run, _ in added}
            self.progress.start()
            for run, config in added:
                self.progress.add(run, config)
            for run, _ in added:
                embedded.runservice.adopt(run.id)
            try:
                self._wait(embedded)
            finally:
                self.progress.close()
        return [self._latest[run.id] for run, _ in added]

    def changed(self, run: Run, changed: frozenset[str]) -> None:
        """Take a stored state of a run, in the runservice's thread."""
        self._latest[run.id] = run
        self.progress.run_changed(run, changed)
        if run.phase.final:
            self._open.discard(run.id)
            self._wake.set()

    def moved(self, report: TaskReport) -> None:
        """Take a task's state, in its worker's thread."""
        self.progress.task_moved(report)

    def _wait(self, embedded: Embedded) -> None:
        told = False
        while self._open:
            self._wake.wait(_CHECK)
            self._wake.clear()
            if embedded.runservice.failure is not None:
                raise Unavailable("the runservice failed") from embedded.runservice.failure
            if self._stopping and not told:
                told = True
                self._end(sorted(self._open))

    def _end(self, run_ids: Sequence[str]) -> None:
        say(STOPPING)
        for run_id in run_ids:
            end = self._composition.actions.stop
            if self._latest[run_id].phase is Phase.QUEUED:
                end = self._composition.actions.cancel
            try:
                end(run_id)
            except Conflict as error:
                say(str(error))  # it moved on in the same moment

    def _interrupted(self) -> None:
        self._stopping = True
        self._wake.set()

    def _progress(self, quiet: bool) -> Progress:
        if self._on_terminal:
            from ._live import LiveProgress

            return LiveProgress(error_console(), self._composition.clock, self._open_live)
        from ._plain import PlainProgress

        return PlainProgress(self._open_log, quiet=quiet)

    def log_end(self, task_id: str, step: int) -> Sequence[str]:
        """Return the last lines of a stored log, none when all of it was shown as it came."""
        if self._output_shown:
            return ()
        with self._composition.outputs.open_log_end(task_id, step, _SHOWN_BYTES) as log:
            lines = b"".join(iter(lambda: log.read(_SHOWN_BYTES), b"")).splitlines()
        return [printable(line) for line in lines[-_SHOWN_LINES:]]

    def _open_live(self, task_id: str, step: int) -> BinaryIO | None:
        with contextlib.suppress(FileNotFoundError):
            return log_file(self._directory, task_id, step).open("rb")
        return None

    def _open_log(self, task_id: str, step: int, over: bool) -> BinaryIO | Body | None:
        """Open a log where it is written, or where it is kept when the step was quicker than we."""
        log = self._open_live(task_id, step)
        if log is None and over:
            with contextlib.suppress(NotFound):
                return self._composition.outputs.open_log(task_id, step)
        return log


def _exit_code(runs: Sequence[Run]) -> Exit:
    results = {run.result for run in runs}
    if Result.FAILED in results:
        return Exit.RUN_FAILED
    if Result.STOPPED in results or any(run.phase is Phase.CANCELLED for run in runs):
        return Exit.STOPPED
    return Exit.SUCCESS
