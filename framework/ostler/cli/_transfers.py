"""How a transfer looks while it goes on, and what is said when it is over."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ostler.clock import Clock
from ostler.services.transfer import Observer, Report, Task

from ._describe import duration
from ._exit import Exit
from ._interrupts import Interrupts
from ._output import error_console, on_terminal, say
from ._sizes import human_size, plural

__all__ = ["Shown", "report_as_json", "tell_failures", "tell_report", "transfer"]

_EVERY = 10.0
_SHOWN = 10


class Shown(Observer):
    """Counts what is moved, and shows it while it goes on: to begin with, not at all.

    :ivar ended_count: objects.
    :ivar bytes: read and not given up.
    """

    def __init__(self, clock: Clock) -> None:
        self.lock = threading.Lock()
        self.clock = clock
        self.start_time = clock.monotonic()
        self.ended_count = self.bytes = 0

    def start(self) -> None:
        """Begin to show."""

    def close(self) -> None:
        """End it."""

    def abandon(self) -> None:
        """Leave the terminal as it was found: the process ends now. Called from a signal handler."""

    def moved(self, name: str, count: int) -> None:
        with self.lock:
            self.bytes += count

    def ended(self, name: str) -> None:
        with self.lock:
            self.ended_count += 1

    def words(self) -> str:
        """Return how far it is: ``12 objects, 3.4 GiB, 56.7 MiB/s``."""
        seconds = self.clock.monotonic() - self.start_time
        speed = f", {human_size(self.bytes / seconds)}/s" if seconds >= 1 else ""
        return f"{plural(self.ended_count, 'object')}, {human_size(self.bytes)}{speed}"


class _Plain(Shown):
    """A line every ten seconds: what a pipe or a file gets."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._told = self.start_time

    def moved(self, name: str, count: int) -> None:
        super().moved(name, count)
        now = self.clock.monotonic()
        with self.lock:
            due = now - self._told >= _EVERY
            if due:
                self._told = now
        if due:
            say(self.words())


@contextmanager
def transfer(clock: Clock, jobs: int, *, persist: bool) -> Iterator[tuple[Task, int]]:
    """Show what is done with the task, and end it in order on Ctrl-C.

    Yields the task, and a descriptor that can be read when it is to end.
    """
    shown = _shown(clock)
    interrupts = Interrupts(shown.abandon)
    task = Task(jobs=jobs, persist=persist, stop=interrupts.stop, observer=shown)
    with interrupts.handled() as woken:
        shown.start()
        try:
            yield task, woken
        finally:
            shown.close()


def _shown(clock: Clock) -> Shown:
    if not on_terminal():
        return _Plain(clock)
    from ._live_transfer import LiveTransfer

    return LiveTransfer(clock, error_console())


def tell_report(report: Report, seconds: float) -> Exit:
    """Say what became of the objects; return the exit code."""
    said = [
        f"copied {plural(report.copied, 'object')}, {human_size(report.size)}, "
        f"in {duration(0, seconds)}"
    ]
    said += [f"{report.same:,} the same"] if report.same else []
    said += [f"{report.removed:,} removed"] if report.removed else []
    say("; ".join(said))
    _tell_vanished(report)
    return tell_failures(report)


def _tell_vanished(report: Report) -> None:
    for name in report.vanished[:_SHOWN]:
        say(f"{name}: somebody removed it before it was copied")
    if report.gone > _SHOWN:
        say(f"… and {plural(report.gone - _SHOWN, 'object')} more that somebody removed")


def tell_failures(report: Report, *, verb: str = "copied") -> Exit:
    """Say what failed; return the exit code.

    :param verb: what could not be done.
    """
    for failure in report.failures[:_SHOWN]:
        say(f"{failure.name}: {failure.error}")
    if report.failed > _SHOWN:
        say(f"… and {report.failed - _SHOWN:,} more")
    if report.failed:
        say(f"error: {plural(report.failed, 'object')} could not be {verb}")
    return _code(report)


def report_as_json(report: Report) -> tuple[dict[str, Any], Exit]:
    """Return what became of the objects as JSON shows it, and the exit code."""
    failures = [
        {"name": each.name, "code": each.error.code, "error": str(each.error)}
        for each in report.failures
    ]
    shown = {
        "copied": report.copied,
        "bytes": report.size,
        "same": report.same,
        "removed": report.removed,
        "gone": report.gone,
        "vanished": report.vanished,
        "failed": report.failed,
        "failures": failures,
    }
    return shown, _code(report)


def _code(report: Report) -> Exit:
    return Exit.INFRASTRUCTURE if report.failed else Exit.SUCCESS
