"""Objects in one SQLite file, each cut into chunks so that none is ever in memory as a whole."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from tempfile import SpooledTemporaryFile
from typing import IO

from ostler.errors import BadRequest, Conflict, Internal, NotFound, Unavailable
from ostler.spi.settings import Settings
from ostler.spi.storage import (
    Body,
    Capabilities,
    CommonPrefix,
    ObjectInfo,
    Readable,
    StorageDriver,
    grouped,
)

__all__ = ["OneFileSettings", "OneFileStorage"]

CHUNK = 256 << 10
SPOOL = 1 << 20
PAGE = 500

# Keys are blobs: their order is that of their bytes.
SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key BLOB UNIQUE NOT NULL, size INTEGER NOT NULL, modified REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS chunks (
    object INTEGER NOT NULL, number INTEGER NOT NULL, data BLOB NOT NULL, UNIQUE (object, number)
);
"""
COLUMNS = "id, key, size, modified"


class OneFileSettings(Settings):
    """Settings of `onefile`.

    :param path: of the file; its directory must exist.
    :param busy_timeout: seconds to wait for another writer.
    """

    path: str
    busy_timeout: float = 30.0


class OneFileStorage(StorageDriver):
    """One connection writes, in turns; every reader has its own, and with it a view that stands still."""

    def __init__(self, settings: OneFileSettings) -> None:
        self._settings = settings
        self._path = os.path.abspath(os.path.expanduser(settings.path))
        self._lock = threading.Lock()
        if not os.path.isdir(os.path.dirname(self._path)):
            raise BadRequest(f"the directory of {self._path!r} does not exist: make it first")
        with _errors(self._path):
            self._writer = self._connect()
            self._writer.execute("PRAGMA journal_mode = WAL")
            self._writer.executescript(SCHEMA)
        _sync_directory(os.path.dirname(self._path))

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities()

    def stat(self, key: str) -> ObjectInfo:
        with _errors(self._path), closing(self._connect()) as reader:
            return _find(reader, key)

    def get(self, key: str, start: int, end: int | None) -> tuple[ObjectInfo, Body]:
        with _errors(self._path):
            reader = self._connect()
            try:
                reader.execute("BEGIN")
                info = _find(reader, key)
            except BaseException:
                reader.close()
                raise
            stop = info.size if end is None else min(end, info.size)
            return info, _ChunkBody(self._path, reader, info, min(start, stop), stop)

    def put(
        self,
        key: str,
        source: Readable,
        *,
        size: int | None,
        persist: bool,
        if_absent: bool,
    ) -> ObjectInfo:
        # The source is read first: nobody waits for it, and it may read this very storage.
        with SpooledTemporaryFile(max_size=SPOOL) as spool:
            while piece := source.read(CHUNK):
                spool.write(piece)
            length = spool.tell()
            spool.seek(0)
            with self._transaction(persist=persist) as writer:
                if if_absent and _exists(writer, key):
                    raise Conflict(f"the object {key!r} exists already", code="exists")
                return _store(writer, key, spool, length)

    def persist(self, keys: Sequence[str]) -> None:
        with _errors(self._path), closing(self._connect()) as reader:
            for key in keys:
                _find(reader, key)
        # A commit syncs the log; a checkpoint that has something to do syncs the file, and with it
        # what earlier ones moved there without: the commit sees to it that there is something.
        with self._transaction(persist=True) as writer:
            writer.execute("PRAGMA user_version = 1")
        with _errors(self._path), self._lock:
            self._writer.execute("PRAGMA wal_checkpoint(FULL)")

    def delete(self, key: str) -> None:
        with self._transaction(persist=True) as writer:
            _forget(writer, key)

    def list(
        self, prefix: str, start_after: str, delimiter: str
    ) -> Iterator[ObjectInfo | CommonPrefix]:
        objects = self._objects(prefix.encode(), start_after.encode())
        return grouped(objects, prefix, start_after, delimiter) if delimiter else objects

    def close(self) -> None:
        with self._lock:
            self._writer.close()

    def _objects(self, prefix: bytes, after: bytes) -> Iterator[ObjectInfo]:
        # Page by page: no transaction stays open while the caller thinks.
        select = f"SELECT {COLUMNS} FROM objects WHERE key >= ? ORDER BY key LIMIT ?"
        low = max(prefix, after + b"\0" if after else b"")
        while True:
            with _errors(self._path), closing(self._connect()) as reader:
                rows = reader.execute(select, (low, PAGE)).fetchall()
            for row in rows:
                if not row[1].startswith(prefix):
                    return
                yield _info(*row)
            if len(rows) < PAGE:
                return
            low = rows[-1][1] + b"\0"

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(
            self._path,
            timeout=self._settings.busy_timeout,
            isolation_level=None,
            check_same_thread=False,
        )

    @contextmanager
    def _transaction(self, *, persist: bool) -> Iterator[sqlite3.Connection]:
        with self._lock, _errors(self._path):
            self._writer.execute(f"PRAGMA synchronous = {'FULL' if persist else 'OFF'}")
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise


class _ChunkBody(Body):
    def __init__(
        self, path: str, reader: sqlite3.Connection, info: ObjectInfo, position: int, stop: int
    ) -> None:
        self._path = path
        self._reader = reader
        self._object = info.etag
        self._position = position
        self._stop = stop

    def read(self, size: int = -1, /) -> bytes:
        left = self._stop - self._position
        wanted = left if size < 0 else min(size, left)
        pieces = []
        while wanted > 0:
            piece = self._piece(wanted)
            pieces.append(piece)
            wanted -= len(piece)
        return b"".join(pieces)

    def close(self) -> None:
        self._reader.close()

    def _piece(self, wanted: int) -> bytes:
        number, offset = divmod(self._position, CHUNK)
        select = "SELECT substr(data, ?, ?) FROM chunks WHERE object = ? AND number = ?"
        with _errors(self._path):
            row = self._reader.execute(
                select, (offset + 1, wanted, self._object, number)
            ).fetchone()
        if row is None or not row[0]:
            raise Internal(f"{self._path!r} is damaged: a chunk is missing; restore it from a copy")
        self._position += len(row[0])
        piece: bytes = row[0]
        return piece


def _find(reader: sqlite3.Connection, key: str) -> ObjectInfo:
    select = f"SELECT {COLUMNS} FROM objects WHERE key = ?"
    row = reader.execute(select, (key.encode(),)).fetchone()
    if row is None:
        raise NotFound(f"there is no object {key!r}")
    return _info(*row)


def _exists(writer: sqlite3.Connection, key: str) -> bool:
    select = "SELECT 1 FROM objects WHERE key = ?"
    return writer.execute(select, (key.encode(),)).fetchone() is not None


def _store(writer: sqlite3.Connection, key: str, source: IO[bytes], size: int) -> ObjectInfo:
    _forget(writer, key)
    insert = "INSERT INTO objects (key, size, modified) VALUES (?, ?, ?)"
    modified = time.time()
    identity = writer.execute(insert, (key.encode(), size, modified)).lastrowid
    for number, data in enumerate(iter(lambda: source.read(CHUNK), b"")):
        writer.execute("INSERT INTO chunks VALUES (?, ?, ?)", (identity, number, data))
    return ObjectInfo(key, size, modified, str(identity))


def _forget(writer: sqlite3.Connection, key: str) -> None:
    name = (key.encode(),)
    objects = "SELECT id FROM objects WHERE key = ?"
    writer.execute(f"DELETE FROM chunks WHERE object = ({objects})", name)
    writer.execute("DELETE FROM objects WHERE key = ?", name)


def _info(id: int, key: bytes, size: int, modified: float) -> ObjectInfo:
    return ObjectInfo(key.decode(), size, modified, str(id))


def _sync_directory(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _errors(path: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise Unavailable(f"{path!r} cannot be used now: {error}") from error
    except sqlite3.DatabaseError as error:
        raise Internal(f"{path!r} is damaged or no SQLite file: {error}") from error
