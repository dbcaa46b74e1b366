"""Opening the file, and the connections that read it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from ostler.errors import BadRequest, Conflict, Internal

from .failures import translate
from .schema import APPLICATION_ID, FORMAT, SCHEMA

__all__ = ["Connections", "create"]

P = ParamSpec("P")
T = TypeVar("T")

_CREATING = threading.Lock()
_INHERITED: list[sqlite3.Connection] = []
"""Connections that came through a fork: never used, and never closed, by the child."""

_PRAGMAS = (
    "PRAGMA synchronous = FULL",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -16384",
    "PRAGMA wal_autocheckpoint = 1000",
    "PRAGMA journal_size_limit = 33554432",
)


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
        self._closed = False

    @property
    def inherited(self) -> bool:
        """Whether this is a child of the process that opened the store: it is of no use then."""
        if self._process == os.getpid():
            return False
        # Closing them, also by garbage collection, would meddle with locks that the parent holds.
        _INHERITED.extend(self._idle)
        self._idle.clear()
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
        """Return a connection for one thread at a time, to be given back."""
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
                if connection.in_transaction:
                    connection.execute("COMMIT")
                self.give_back(connection)
        except sqlite3.Error as error:
            raise translate(error, self.path) from error

    def close(self) -> None:
        """Close all; those in use as they are given back. Idempotent."""
        self._closed = True
        while self._idle:
            with contextlib.suppress(IndexError):  # another thread that closes had the last
                self._idle.pop().close()

    def _open(self) -> sqlite3.Connection:
        connection = _connect(self.path, self._busy_timeout)
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        return connection


def create(path: str, *, busy_timeout: float) -> None:
    """Make the file and its tables unless they exist; private to the user, safe among processes.

    :raises BadRequest: the file is a database of something else, or of a later version.
    """
    try:
        with _CREATING:
            _touch(path)
            with contextlib.closing(_connect(path, busy_timeout)) as connection:
                if _version(connection, path) != FORMAT:
                    _set_up(connection, path, time.monotonic() + busy_timeout)
    except sqlite3.Error as error:
        raise translate(error, path) from error


def _connect(path: str, busy_timeout: float) -> sqlite3.Connection:
    return sqlite3.connect(
        path,
        timeout=busy_timeout,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )


def _touch(path: str) -> None:
    """Make the file, readable by its owner only, and its directory; durably.

    Never opens a file that exists: closing any descriptor of it would drop the
    locks that other connections of this process hold.
    """
    directory = os.path.dirname(path)
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        if not os.path.isfile(path):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            _synchronise(directory)
    except OSError as error:
        if os.path.isfile(path):
            return  # another process was quicker
        raise BadRequest(
            f"cannot make the key-value store {path}: {error.strerror}; "
            "choose a file in a directory that you may write"
        ) from error


def _synchronise(directory: str) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _version(connection: sqlite3.Connection, path: str) -> int:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (objects,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application != APPLICATION_ID and (application or version or objects):
        raise BadRequest(f"{path} is the database of another program: choose another path")
    if version not in (0, FORMAT):
        raise BadRequest(
            f"{path} has format {version}, and this version of ostler-sqlite reads {FORMAT}: "
            "upgrade, or choose another path"
        )
    return int(version)


def _set_up(connection: sqlite3.Connection, path: str, deadline: float) -> None:
    _write_ahead(connection, deadline)
    connection.execute("BEGIN IMMEDIATE")
    if _version(connection, path) != FORMAT:
        for statement in SCHEMA:
            connection.execute(statement)
    connection.execute("COMMIT")


def _write_ahead(connection: sqlite3.Connection, deadline: float) -> None:
    """Switch to WAL. SQLite does not wait here by itself when several processes try at once."""
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(0.002)
