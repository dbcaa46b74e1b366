"""The output of running steps, as it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from ostler.runs.model import StepPhase
from ostler.runs.reports import TaskReport

__all__ = ["Opener", "Tails"]

_CHUNK = 1 << 16


class _Log(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...

    def close(self) -> None: ...


Opener = Callable[[str, int, bool], _Log | None]
"""Opens the log of (task id, step, whether the step is over); None: there is none now."""


class _Tail:
    def __init__(self, opener: Opener, task_id: str, step: int) -> None:
        self._open = opener
        self._where = (task_id, step)
        self._file: _Log | None = None
        self._partial = b""

    def lines(self, *, last: bool) -> Iterator[bytes]:
        """Yield blocks of whole lines that are new; ``last``: also a line without an end.

        A line that is longer than a chunk comes in pieces, each as a line of its own.
        """
        self._file = self._file or self._open(*self._where, last)
        while self._file and (chunk := self._file.read(_CHUNK)):
            whole, newline, rest = chunk.rpartition(b"\n")
            if newline:
                yield self._partial + whole + newline
                self._partial = rest
            else:
                self._partial += rest
            if len(self._partial) >= _CHUNK:
                yield self._cut()
        if last:
            if self._partial:
                yield self._cut()
            if self._file:
                self._file.close()

    def _cut(self) -> bytes:
        line, self._partial = self._partial + b"\n", b""
        return line


class Tails:
    """Follows the logs of the steps that run.

    :param opener: opens logs.
    """

    def __init__(self, opener: Opener) -> None:
        self._opener = opener
        self._open: dict[tuple[str, int], _Tail] = {}

    def follow(self, report: TaskReport) -> Iterator[bytes]:
        """Begin and end with the steps that a report says run or are over; yield what they wrote."""
        for number, step in enumerate(report.steps):
            where = (report.task_id, number)
            if step.phase is StepPhase.RUNNING:
                tail = self._open.setdefault(where, _Tail(self._opener, *where))
                yield from tail.lines(last=False)
            elif where in self._open:
                yield from self._open.pop(where).lines(last=True)

    def new(self) -> Iterator[tuple[str, bytes]]:
        """Yield (task id, new lines) of every step that runs."""
        for (task_id, _), tail in self._open.items():
            for block in tail.lines(last=False):
                yield task_id, block
