"""Ctrl-C: the first ends what goes on in order, the second at once."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from ._exit import Exit

__all__ = ["STOPPING", "Interrupts", "interruptible"]

STOPPING = "stopping; once more to end at once"
"""What the person is told upon the first signal."""

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def interruptible(stop: Callable[[], None], abandon: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` upon the first signal that asks for an end; upon the second, end the process.

    Both functions are called from a signal handler.

    :param abandon: leaves the terminal as it was found, before the process ends at once.
    """
    signals = 0

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        nonlocal signals
        signals += 1
        if signals > 1:
            abandon()
            os._exit(Exit.STOPPED)
        stop()

    # What is ignored stays so: nohup, and the background of a script, mean it.
    handled = [number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, interrupt) for number in handled}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Interrupts:
    """What signals do to a transfer.

    :param abandon: as `interruptible` has it.
    """

    def __init__(self, abandon: Callable[[], None]) -> None:
        self.stop = threading.Event()
        self._abandon = abandon
        self._wake = -1

    @contextlib.contextmanager
    def handled(self) -> Iterator[int]:
        """Set ``stop`` on a signal; yield a descriptor that can be read from then on."""
        woken, self._wake = os.pipe()
        try:
            with interruptible(self._interrupted, self._abandon):
                yield woken
        finally:
            os.close(woken)
            os.close(self._wake)

    def _interrupted(self) -> None:
        # Nothing is raised: it could come in the middle of storing an object.
        self.stop.set()
        os.write(self._wake, b"x")
        with contextlib.suppress(OSError):
            os.write(2, f"{STOPPING}\n".encode())
