"""Ctrl-C while objects are moved: the first ends it in order, the second at once."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from ._exit import Exit

__all__ = ["Interrupts", "PipeSource"]

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SAID = b"stopping; once more to end at once\n"


class Interrupts:
    """What signals do to a transfer.

    :param abandon: leaves the terminal as it was found, called before the process ends at once.
    """

    def __init__(self, abandon: Callable[[], None]) -> None:
        self.stop = threading.Event()
        self._abandon = abandon
        self._wake = -1
        self._signals = 0

    @contextlib.contextmanager
    def handled(self) -> Iterator[int]:
        """Set ``stop`` on a signal; yield a descriptor that can be read from then on."""
        woken, self._wake = os.pipe()
        # What is ignored stays so: nohup, and the background of a script, mean it.
        numbers = [number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN]
        before = {number: signal.signal(number, self._interrupted) for number in numbers}
        try:
            yield woken
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(woken)
            os.close(self._wake)

    def _interrupted(self, _signal: int, _frame: FrameType | None) -> None:
        # Nothing is raised: it could come in the middle of storing an object.
        self._signals += 1
        if self._signals > 1:
            self._abandon()
            os._exit(Exit.STOPPED)
        self.stop.set()
        os.write(self._wake, b"x")
        with contextlib.suppress(OSError):
            os.write(2, _SAID)


class PipeSource:
    """Reads a descriptor that cannot be rewound; a signal ends the waiting for it.

    :param woken: readable when the transfer is to stop.
    """

    def __init__(self, descriptor: int, woken: int) -> None:
        self._descriptor, self._woken = descriptor, woken

    def read(self, size: int = -1, /) -> bytes:
        """Return what is there, up to ``size`` bytes; all of it when negative, ``b""`` at the end."""
        if size < 0:
            return b"".join(iter(lambda: self._read(1 << 20), b""))
        return self._read(size)

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise OSError("a pipe has no position")

    def seek(self, offset: int, /) -> None:
        raise OSError("a pipe cannot be rewound")

    def _read(self, size: int) -> bytes:
        ready, _, _ = select.select([self._descriptor, self._woken], [], [])
        if self._woken in ready:
            from ostler.services.transfer import stopped

            raise stopped()
        return os.read(self._descriptor, size)
