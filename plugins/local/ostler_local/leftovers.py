"""Ending processes that no supervisor answers for any more, found by the mark that they carry."""

from __future__ import annotations

import os
import signal
import time

from ostler.errors import Unavailable

from .processes import Process, every, marks, send_signal

__all__ = ["end", "find"]

_RETRY = 0.01
_PATIENCE = 10.0


def find(prefix: str) -> list[Process]:
    """Return the processes with a mark that begins with ``prefix``, and all that is below or in their sessions."""
    alive = every()
    found = {process.pid for process in alive if _is_marked(process.pid, prefix)}
    grown = -1
    while len(found) != grown:
        grown = len(found)
        sessions = {process.session for process in alive if process.pid in found}
        found |= {
            process.pid
            for process in alive
            if process.parent in found or process.session in sessions
        }
    return [process for process in alive if process.pid in found and process.pid != os.getpid()]


def end(prefix: str, *, grace: float = 0) -> None:
    """End what `find` finds: politely when there is a ``grace`` (seconds), by force after it.

    :raises Unavailable: something is left that cannot be killed.
    """
    began = time.monotonic()
    if grace and (found := find(prefix)):
        for process in found:
            send_signal(process, signal.SIGTERM)
        while find(prefix) and time.monotonic() < began + grace:
            time.sleep(_RETRY)
    deadline = time.monotonic() + _PATIENCE
    while found := find(prefix):
        if time.monotonic() > deadline:
            pids = ", ".join(str(process.pid) for process in found)
            raise Unavailable(f"processes {pids} do not end, although they were killed")
        for process in found:
            send_signal(process, signal.SIGKILL)
        time.sleep(_RETRY)


def _is_marked(pid: int, prefix: str) -> bool:
    return any(mark.startswith(prefix) for mark in marks(pid))
