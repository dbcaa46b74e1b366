"""Making the file and its tables."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time

from ostler.errors import BadRequest

from .connections import connect, is_busy
from .failures import translate
from .schema import APPLICATION_ID, FORMAT, SCHEMA

__all__ = ["create"]

_CREATING = threading.Lock()


def create(path: str, *, busy_timeout: float) -> None:
    """Make the file and its tables unless they exist; private to the user, safe among processes.

    :raises BadRequest: the file is a database of something else, or of a later version.
    """
    try:
        with _CREATING:
            _touch(path)
            with contextlib.closing(connect(path, busy_timeout)) as connection:
                connection.execute("BEGIN")  # else another process could make the tables in between
                version = _version(connection, path)
                connection.execute("COMMIT")
                if version != FORMAT:
                    _set_up(connection, path, time.monotonic() + busy_timeout)
    except sqlite3.Error as error:
        raise translate(error, path) from error


def _touch(path: str) -> None:
    """Make the file, readable by its owner only, and its directory; durably.

    Never opens a file that exists: closing any descriptor of it would drop the
    locks that other connections of this process hold.
    """
    directory = os.path.dirname(path)
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        if not os.path.isfile(path):
            _synchronise_above(directory)
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            _synchronise(directory)
    except OSError as error:
        if os.path.isfile(path):
            return  # another process was quicker
        raise BadRequest(
            f"cannot make the key-value store {path}: {error.strerror}; "
            "choose a file in a directory that you may write"
        ) from error


def _synchronise_above(directory: str) -> None:
    """Make the names of a directory and of those above it durable: any may just have been made.

    It may have been another process, which died over it. Where one may not look, and beyond
    the file system, nobody made any.
    """
    with contextlib.suppress(PermissionError):
        while not os.path.ismount(directory):
            directory = os.path.dirname(directory)
            _synchronise(directory)


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
            if not is_busy(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.002)
