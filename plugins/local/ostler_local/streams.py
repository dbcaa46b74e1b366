"""What an exec's process has for input and output, and what moves it."""

from __future__ import annotations

import fcntl
import os
import select
import time
from collections.abc import Callable

from ostler.spi import ExecConfig, Output, Readable

from .pumps import Feeder, Pump, Sink
from .terminal import END_OF_FILE, open_terminal

__all__ = ["Streams"]

_LINGER = 1.0
"""Seconds to wait for a source that was being read when the process ended."""


class Streams:
    """The descriptors of one exec, both ends.

    :param on_failure: called, in another thread, when the source of the
        process's input raises; see `check_source`.

    What is made known: ``descriptors`` to send along, ``standard`` (which of
    them are input, output and error; -1: none), ``terminal`` (its path, or
    empty), ``pumps`` (what must be moved while the process runs).
    """

    def __init__(self, config: ExecConfig, on_failure: Callable[[], None]) -> None:
        self.descriptors: list[int] = []
        self.pumps: list[Pump] = []
        self.terminal = ""
        self.standard = (0, 0, 0)
        self._on_failure = on_failure
        self._theirs: list[int] = []
        self._kept: list[int] = []
        self._feeder: Feeder | None = None
        try:
            if config.tty:
                self._open_terminal(config)
            else:
                self._open_pipes(config)
        except BaseException:
            self.close()
            raise

    def started(self) -> None:
        """The process has its ends: let go of them here, and begin to feed it."""
        _close_all(self._theirs)
        if self._feeder is not None:
            self._feeder.start()

    def ended(self, grace: float, sink: Sink) -> None:
        """The process has ended: move what it wrote, wait ``grace`` seconds for others that hold its output."""
        _close_all(self._kept)
        self.pumps = [pump for pump in self.pumps if self._continues(pump.empty(), pump)]
        deadline = time.monotonic() + grace
        while self.pumps and (left := deadline - time.monotonic()) > 0:
            self.turn(left)
        while self.pumps:
            sink.adopt(self.pumps.pop().descriptor)
        if self._feeder is not None:
            self._feeder.finish(_LINGER)

    def turn(self, timeout: float | None, also: int | None = None) -> bool:
        """Wait until there is something to move, and move it; return whether ``also`` is readable."""
        poll = select.poll()
        pumps = {pump.descriptor: pump for pump in self.pumps}
        for descriptor in pumps:
            poll.register(descriptor, select.POLLIN)
        if also is not None:
            poll.register(also, select.POLLIN)
        ready = [number for number, _ in poll.poll(None if timeout is None else timeout * 1000)]
        for number in ready:
            if number in pumps and not self._continues(pumps[number].turn(), pumps[number]):
                self.pumps.remove(pumps[number])
        return also in ready

    def check_source(self) -> None:
        """Raise what the source of the process's input raised, if it did."""
        if self._feeder is not None and self._feeder.failure is not None:
            raise self._feeder.failure

    def close(self) -> None:
        """Close what is open. Idempotent."""
        _close_all(self._theirs)
        _close_all(self._kept)
        while self.pumps:
            os.close(self.pumps.pop().descriptor)
        if self._feeder is not None:
            self._feeder.finish(0)

    def _open_terminal(self, config: ExecConfig) -> None:
        terminal = open_terminal(attended=config.stdin is not None)
        self._kept.append(terminal.theirs)
        self.pumps.append(Pump(terminal.ours, config.output))
        self.descriptors.append(terminal.theirs)
        self.terminal = terminal.name
        if config.stdin is not None:
            # Twice: the first one ends a line that has begun.
            self._feed(config.stdin, os.dup(terminal.ours), END_OF_FILE * 2)

    def _open_pipes(self, config: ExecConfig) -> None:
        source = -1 if config.stdin is None else self._open_input(config.stdin)
        output = self._open_output(config.output)
        error = output if config.error is None else self._open_output(config.error)
        self.standard = (source, output, error)

    def _open_input(self, source: Readable) -> int:
        reading, writing = os.pipe()
        self._feed(source, writing, b"")
        return self._hand_over(reading)

    def _open_output(self, output: Output) -> int:
        direct = output.descriptor()
        if direct is not None:
            _append(direct)
            self.descriptors.append(direct)
            return len(self.descriptors) - 1
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        self.pumps.append(Pump(reading, output))
        return self._hand_over(writing)

    def _hand_over(self, descriptor: int) -> int:
        self._theirs.append(descriptor)
        self.descriptors.append(descriptor)
        return len(self.descriptors) - 1

    def _feed(self, source: Readable, descriptor: int, farewell: bytes) -> None:
        self._feeder = Feeder(source, descriptor, farewell, self._on_failure)

    def _continues(self, more: bool, pump: Pump) -> bool:
        if not more:
            os.close(pump.descriptor)
        return more


def _append(descriptor: int) -> None:
    """Have several writers of the same file (a later exec, a process left over) never overwrite each other."""
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    if not flags & os.O_APPEND:
        fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | os.O_APPEND)


def _close_all(descriptors: list[int]) -> None:
    while descriptors:
        os.close(descriptors.pop())
