"""A process of a step, ended when the task is cancelled."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable

from ostler.errors import Conflict, Error
from ostler.spi.executor import Cancel, Exec, ExecConfig, Pod

__all__ = ["Capture", "cancelled", "run_process"]

_LOG = logging.getLogger(__name__)


def cancelled() -> Conflict:
    """Return the error that says: the step was told to end."""
    return Conflict("the step was cancelled", code="cancelled")


def run_process(
    pod: Pod,
    config: ExecConfig,
    cancel: Cancel,
    grace: float,
    started: Callable[[Exec], None] | None = None,
) -> int:
    """Run a process to its end and return its exit code.

    On cancellation it gets SIGTERM; what is there ``grace`` seconds later is
    killed together with everything else in the pod.

    :raises Conflict: cancelled (code ``"cancelled"``).
    """
    if cancel.is_set():
        raise cancelled()
    running = pod.exec(config)
    if started:
        started(running)
    ending = _Ending(pod, running, grace)
    unsubscribe = cancel.subscribe(ending.begin)
    try:
        code = running.wait()
    finally:
        unsubscribe()
        ending.finish()
    if cancel.is_set():
        raise cancelled()
    assert code is not None  # without a timeout it waits for the code
    return code


class _Ending:
    """Ends a process in a thread of its own: who cancels does not wait."""

    def __init__(self, pod: Pod, running: Exec, grace: float) -> None:
        self._pod = pod
        self._running = running
        self._grace = grace
        self._finished = False
        self._over: threading.Event | None = None  # made when needed: most processes just end

    def begin(self) -> None:
        self._over = threading.Event()
        if not self._finished:
            threading.Thread(
                target=self._end, args=(self._over,), name="ending", daemon=True
            ).start()

    def finish(self) -> None:
        """Be told that the process has ended."""
        self._finished = True
        if self._over:
            self._over.set()

    def _end(self, over: threading.Event) -> None:
        try:
            self._running.signal(int(signal.SIGTERM))
            if over.wait(self._grace):
                return
        except Error as error:
            _LOG.warning("a process cannot be asked to end: %s; killing it", error.message)
        try:
            self._pod.stop(0)
        except Error as error:
            _LOG.error("a process cannot be killed: %s; its task waits for it", error.message)


class Capture:
    """An `Output` that keeps what it gets in memory, up to a limit.

    :param limit: bytes.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._data = bytearray()
        self._kill: Callable[[], None] | None = None
        self.exceeded = False

    @property
    def data(self) -> bytes:
        """What was kept."""
        return bytes(self._data)

    def started(self, running: Exec) -> None:
        """Be told which process writes: it is killed when it goes beyond the limit."""
        self._kill = lambda: running.signal(int(signal.SIGKILL))
        if self.exceeded:
            self._kill()

    def write(self, data: bytes, /) -> None:
        if self.exceeded:
            return
        if len(self._data) + len(data) <= self._limit:
            self._data += data
            return
        self.exceeded = True
        if self._kill:
            self._kill()

    def descriptor(self) -> int | None:
        return None
