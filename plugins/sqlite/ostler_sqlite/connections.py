"""The connections of a driver: those that read, each in a transaction of its own, and one that writes."""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import time
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from ostler.errors import Conflict, Internal

from .failures import translate

__all__ = ["Connections", "connect", "is_busy"]

P = ParamSpec("P")
T = TypeVar("T")

_INHERITED: list[sqlite3.Connection] = []
"""Connections that came through a fork: never used, and never closed, by the child."""

_PRAGMAS = (
    "PRAGMA synchronous = FULL",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -16384",
    "PRAGMA wal_autocheckpoint = 1000",
    "PRAGMA journal_size_limit = 33554432",
)

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.0002, 0.004
"""Seconds between two attempts to get the write lock, at most: a commit takes about as long."""


class Connections:
    """The connections of one driver to one file: as many as there are threads that read at once.

    :param path: absolute.
    :param busy_timeout: seconds.
    """

    def __init__(self, path: str, *, busy_timeout: float) -> None:
        self.path = path
        self._busy_timeout = busy_timeout
        self._process = os.getpid()
        self._idle: list[sqlite3.Connection] = []
        self._idle_writers: list[sqlite3.Connection] = []
        self._closed = False

    @property
    def inherited(self) -> bool:
        """Whether this is a child of the process that opened the store: it is of no use then."""
        if self._process == os.getpid():
            return False
        # Closing them, also by garbage collection, would meddle with locks that the parent holds.
        for idle in (self._idle, self._idle_writers):
            _INHERITED.extend(idle)
            idle.clear()
        return True

    def check(self) -> None:
        """Refuse to go on after `close`, or in a process that inherited the store by a fork.

        :raises Conflict: it was closed (code ``"closed"``).
        :raises Internal: it was opened before the fork (code ``"forked"``).
        """
        if self.inherited:
            raise Internal(
                f"{self.path} was opened before this process was forked: open it again in the child",
                code="forked",
            )
        if self._closed:
            raise Conflict(f"{self.path} was closed: open it again", code="closed")

    def take(self) -> sqlite3.Connection:
        """Return a connection to read with, for one thread at a time, to be given back."""
        self.check()
        try:
            return self._idle.pop()
        except IndexError:
            return self._open()

    def give_back(self, connection: sqlite3.Connection) -> None:
        """Take a connection back, its transaction over; closes it when the others are closed."""
        self._idle.append(connection)
        if self._closed:
            self.close()

    def take_writer(self) -> sqlite3.Connection:
        """Return a connection in a write transaction, to be given back by `give_back_writer`.

        :raises sqlite3.OperationalError: busy for too long.
        """
        self.check()
        connection = self._idle_writers.pop() if self._idle_writers else self._open_writer()
        try:
            self._begin(connection)
        except BaseException:
            self.give_back_writer(connection)
            raise
        return connection

    def give_back_writer(self, connection: sqlite3.Connection) -> None:
        """Take a writer back, rolling back what was not committed."""
        if connection.in_transaction:
            try:
                connection.rollback()
            except sqlite3.Error:  # of no further use; what went wrong before is being told
                connection.close()
                return
        self._idle_writers.append(connection)
        if self._closed:
            self.close()

    def read(
        self,
        work: Callable[Concatenate[sqlite3.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Call ``work`` with a connection in a read transaction: it sees one state of the store."""
        try:
            connection = self.take()
            try:
                connection.execute("BEGIN")
                return work(connection, *args, **kwargs)
            finally:
                self._end(connection)
        except sqlite3.Error as error:
            raise translate(error, self.path) from error

    def close(self) -> None:
        """Close all; those in use as they are given back. Idempotent."""
        self._closed = True
        for idle in (self._idle, self._idle_writers):
            with contextlib.suppress(IndexError):  # until there are no more
                while True:
                    idle.pop().close()

    def _end(self, connection: sqlite3.Connection) -> None:
        """End a read transaction and take its connection back."""
        try:
            if connection.in_transaction:
                connection.execute("COMMIT")
        except sqlite3.Error:
            connection.close()
            raise
        self.give_back(connection)

    def _begin(self, connection: sqlite3.Connection) -> None:
        """Wait for the write lock. SQLite itself would sleep up to 0.1 s at a time: far too long."""
        deadline, pause = time.monotonic() + self._busy_timeout, _SHORTEST_PAUSE
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if not is_busy(error) or time.monotonic() > deadline:
                    raise
            time.sleep(pause * random.random())
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _open_writer(self) -> sqlite3.Connection:
        """Open a connection that does not wait for locks by itself once it is set up: `_begin` does."""
        connection = self._open()
        connection.execute("PRAGMA busy_timeout = 0")
        return connection

    def _open(self) -> sqlite3.Connection:
        connection = connect(self.path, self._busy_timeout)
        try:
            for pragma in _PRAGMAS:
                connection.execute(pragma)
        except BaseException:
            connection.close()
            raise
        return connection


def connect(path: str, busy_timeout: float) -> sqlite3.Connection:
    """Open the file once; transactions are begun and ended by hand."""
    return sqlite3.connect(
        path,
        timeout=busy_timeout,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )


def is_busy(error: sqlite3.OperationalError) -> bool:
    """Return whether another connection holds what is needed."""
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
