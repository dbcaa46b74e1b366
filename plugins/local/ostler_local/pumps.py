"""Bytes between a process and those who run it."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable

from ostler.spi import Output, Readable

__all__ = ["Feeder", "Pump", "Sink"]

_READ = 1 << 16
_GATHER = 16
_FULL = 64
"""Turns that empty the fullest pipe that there is, several times over."""

_CHECK = 100


class Pump:
    """Output on its way from a descriptor to an `Output`. The descriptor must not block."""

    def __init__(self, descriptor: int, output: Output) -> None:
        self.descriptor = descriptor
        self._output = output

    def turn(self) -> bool:
        """Move what is there, but not for ever; return whether more may come."""
        pieces: list[bytes] = []
        more = _gather(self.descriptor, pieces)
        if pieces:
            self._output.write(b"".join(pieces))
        return more

    def empty(self) -> bool:
        """Move all that was written until now; return whether more may come."""
        poll = select.poll()
        poll.register(self.descriptor, select.POLLIN)
        for _ in range(_FULL):  # who still writes must not keep us for ever
            if not poll.poll(0):
                return True
            if not self.turn():
                return False
        return True


def _gather(descriptor: int, pieces: list[bytes]) -> bool:
    """Read what is there, a terminal's small pieces together; return False at the end."""
    total = 0
    for _ in range(_GATHER):
        try:
            piece = os.read(descriptor, _READ)
        except BlockingIOError:
            return True
        except OSError:  # so a terminal says that nobody has it any more
            return False
        if not piece:
            return False
        pieces.append(piece)
        total += len(piece)
        if total >= _READ:
            break
    return True


class Feeder:
    """A thread that gives a source to a process as its standard input.

    :param descriptor: closed when all is given, or nobody wants it.
    :param farewell: written at the end.
    :param on_failure: called when the source raises; `failure` is set by then.
    """

    def __init__(
        self, source: Readable, descriptor: int, farewell: bytes, on_failure: Callable[[], None]
    ) -> None:
        self.failure: Exception | None = None
        self._source = source
        self._descriptor = descriptor
        self._farewell = farewell
        self._on_failure = on_failure
        self._unwanted = False
        os.set_blocking(descriptor, False)
        self._thread = threading.Thread(target=self._run, name="ostler-stdin", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def finish(self, timeout: float) -> None:
        """Stop, for the process has ended; a source that blocks is left behind after ``timeout`` seconds."""
        self._unwanted = True
        self._thread.join(timeout)

    def _run(self) -> None:
        try:
            while not self._unwanted and (data := self._source.read(_READ)):
                if not self._give(data):
                    return
            self._give(self._farewell)
        except Exception as error:
            self.failure = error
            self._on_failure()
        finally:
            os.close(self._descriptor)

    def _give(self, data: bytes) -> bool:
        view = memoryview(data)
        while view and not self._unwanted:
            try:
                view = view[os.write(self._descriptor, view) :]
            except BlockingIOError:
                self._wait_for_room()
            except OSError:  # nobody reads it any more
                return False
        return not self._unwanted

    def _wait_for_room(self) -> None:
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        poll.poll(_CHECK)


class Sink:
    """Takes, for nobody, the output of processes that outlive their exec, lest they block or die of it.

    A thread, from the first time that there is something to take.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._new: list[int] = []
        self._waker: int | None = None
        self._thread: threading.Thread | None = None

    def adopt(self, descriptor: int) -> None:
        """Read and forget what comes from ``descriptor`` until its end, then close it."""
        with self._lock:
            self._new.append(descriptor)
            if self._waker is None:
                reading, self._waker = os.pipe()
                self._thread = threading.Thread(
                    target=self._run, args=(reading,), name="ostler-sink", daemon=True
                )
                self._thread.start()
            os.write(self._waker, b"+")

    def close(self) -> None:
        """Close all descriptors; to be called when their processes have ended. Idempotent."""
        with self._lock:
            if self._waker is not None:
                os.close(self._waker)
                self._waker = None
        if self._thread is not None:
            self._thread.join()

    def _run(self, waker: int) -> None:
        poll = select.poll()
        poll.register(waker, select.POLLIN)
        adopted: set[int] = set()
        open_still = True
        while open_still:
            for descriptor, _ in poll.poll():
                if descriptor == waker:
                    open_still = bool(os.read(waker, 1 << 10))
                    self._take_new(poll, adopted)
                elif not _gather(descriptor, []):
                    poll.unregister(descriptor)
                    adopted.discard(descriptor)
                    os.close(descriptor)
        for descriptor in (*adopted, waker):
            os.close(descriptor)

    def _take_new(self, poll: select.poll, adopted: set[int]) -> None:
        with self._lock:
            new, self._new = self._new, []
        for descriptor in new:
            poll.register(descriptor, select.POLLIN)
            adopted.add(descriptor)
