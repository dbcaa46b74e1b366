"""The one background thread of a driver that watches: hears of others' changes, ends leases in time."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable

from ostler.errors import Error

from .connections import Connections
from .leases import next_deadline
from .peers import Ear
from .uptime import uptime

__all__ = ["Sentinel"]

_POLL = 1.0
"""Seconds after which a change is found that nobody told of."""

_PAUSE = 0.002
"""Seconds after a ring in which more of them are gathered."""


class Sentinel:
    """Starts listening at once.

    :param directory: where the ears are.
    :param changed: called when another process may have written.
    :param expire: called when a lease has run out.
    """

    def __init__(
        self,
        connections: Connections,
        directory: str,
        changed: Callable[[], None],
        expire: Callable[[], None],
    ) -> None:
        self._connections = connections
        self._changed, self._expire = changed, expire
        self._connection = connections.take()
        self._ear = Ear(directory)
        self.name = self._ear.name
        self._stop = threading.Event()
        self._seen = -1
        self._thread = threading.Thread(target=self._run, name="ostler-sqlite", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread and wait for it."""
        self._stop.set()
        self._ear.ring()
        self._thread.join()

    def _run(self) -> None:
        try:
            timeout = self._look()
            while not self._stop.is_set():
                rung = self._ear.wait(timeout)
                timeout = self._look()
                if rung:
                    self._stop.wait(_PAUSE)
        finally:
            self._ear.close()
            self._connections.give_back(self._connection)

    def _look(self) -> float:
        """Tell of what has happened; return for how long there is nothing to do."""
        try:
            self._tell()
            deadline = self._end_leases()
        except (sqlite3.Error, Error):
            self._changed()  # whoever watches reads, and is told of the error
            return _POLL
        left = _POLL if deadline is None else deadline - uptime()
        return min(_POLL, max(left, 0.001))

    def _tell(self) -> None:
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        if version != self._seen:
            self._seen = version
            self._changed()

    def _end_leases(self) -> float | None:
        deadline = next_deadline(self._connection)
        if deadline is None or deadline > uptime():
            return deadline
        self._expire()
        return next_deadline(self._connection)
