"""The file of the index: used by one process at a time, and never trusted.

A lock file beside it holds the size and the checksum that the file had when it
was last left in order. A file that is anything else (a bit of it has flipped, a
process died while it wrote, somebody put an old copy back) is thrown away. So
SQLite needs to synchronise nothing and to keep no journal.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

__all__ = ["IndexFile", "memory"]

_CHUNK = 1 << 20


class IndexFile:
    """A file that holds a database of its own format, or nothing.

    :param path: of the file; the lock lies beside it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = path.with_suffix(".lock")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Have the file alone; what is not as it was left is thrown away first.

        :raises OSError: there is no place for it.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.pread(descriptor, 64, 0) != self._seal():
                self.discard()
            yield
        finally:
            os.close(descriptor)

    @property
    def exists(self) -> bool:
        """Whether there is a database. Asked with the lock."""
        return self._path.exists()

    def open(self) -> sqlite3.Connection:
        """Open the database, an empty one if there is none. Called with the lock."""
        connection = _set_up(sqlite3.connect(self._path, isolation_level=None))
        self._path.chmod(0o600)
        return connection

    def leave(self) -> None:
        """Say that the file is in order as it is now. Called with the lock, and no connection open."""
        descriptor = os.open(self._lock, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.pwrite(descriptor, self._seal(), 0)
        finally:
            os.close(descriptor)

    def discard(self) -> None:
        """Remove the database. Called with the lock."""
        self._path.unlink(missing_ok=True)

    def _seal(self) -> bytes:
        """Return the size and the checksum of the file, 64 bytes."""
        size = check = 0
        if self._path.exists():
            with self._path.open("rb", buffering=0) as file:
                while chunk := file.read(_CHUNK):
                    size, check = size + len(chunk), crc32(chunk, check)
        return f"{size} {check:08x}\n".encode().ljust(64)


def memory() -> sqlite3.Connection:
    """Open an empty database that goes with the connection."""
    return _set_up(sqlite3.connect(":memory:", isolation_level=None))


def _set_up(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")  # the lock beside it is held anyway
    connection.execute("PRAGMA cache_size = -65536")
    return connection
