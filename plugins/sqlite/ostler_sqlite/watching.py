"""Watches: each reads the history from where it stands; a hub tells them when there may be more."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ostler.spi import Event, Watch

from .connections import Connections
from .rows import next_events
from .writer import Written

__all__ = ["Hub", "SqliteWatch"]


class SqliteWatch(Watch):
    """A watch.

    :param revision: the first one to be told.
    :param closed: called once when it is closed.
    """

    def __init__(
        self,
        connections: Connections,
        prefix: str,
        revision: int,
        closed: Callable[[SqliteWatch], None],
    ) -> None:
        self._connections, self._prefix, self._on_close = connections, prefix, closed
        self._changed = threading.Condition()
        self._position = revision
        self._stale = True
        self._closed = False

    def next(self, timeout: float | None = None) -> tuple[Event, ...]:
        if self._connections.inherited:
            self._connections.check()
        deadline = None if timeout is None else time.monotonic() + timeout
        while self._wait(deadline):
            events = self._read()
            if events:
                return events
        return ()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._on_close(self)

    def refresh(self) -> None:
        """Say that the store may have changed."""
        with self._changed:
            self._stale = True
            self._changed.notify_all()

    def written(self, written: Written) -> None:
        """Say what this process has written: a watch that it does not concern steps over it."""
        with self._changed:
            if self._position == written.first and not written.touches(self._prefix):
                self._position = written.last + 1
            elif self._position <= written.last:
                self._stale = True
                self._changed.notify_all()

    def _wait(self, deadline: float | None) -> bool:
        """Wait until there may be something to read; False: time is over, or it was closed."""
        with self._changed:
            while not (self._stale or self._closed):
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return False
                self._changed.wait(left)
            return not self._closed

    def _read(self) -> tuple[Event, ...]:
        self._stale = False
        begin = self._position
        try:
            events, position = self._connections.read(next_events, self._prefix, begin)
        except BaseException:
            self._stale = True
            if self._closed:
                return ()
            raise
        with self._changed:
            self._position = max(self._position, position)
            self._stale = self._stale or bool(events)
        return events


class Hub:
    """The open watches of one driver."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watches: tuple[SqliteWatch, ...] = ()

    def add(self, watch: SqliteWatch) -> None:
        """Tell this watch too."""
        with self._lock:
            self._watches += (watch,)

    def remove(self, watch: SqliteWatch) -> None:
        """Tell this watch no more. Idempotent."""
        with self._lock:
            self._watches = tuple(each for each in self._watches if each is not watch)

    def written(self, written: Written) -> None:
        """Tell every watch what this process has written."""
        for watch in self._watches:
            watch.written(written)

    def refresh(self) -> None:
        """Tell every watch that the store may have changed."""
        for watch in self._watches:
            watch.refresh()

    def close(self) -> None:
        """End every watch."""
        for watch in self._watches:
            watch.close()
