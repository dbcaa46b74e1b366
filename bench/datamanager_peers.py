"""What data files are compared with: a SQLite table, and one plain file."""

from __future__ import annotations

import os
import sqlite3
import time

__all__ = ["Plain", "Table"]


class Table:
    """A table of ids and values, durable after each transaction."""

    def __init__(self, path: str, data: dict[str, bytes]) -> None:
        self._table = sqlite3.connect(path, isolation_level=None)
        self._table.execute("PRAGMA journal_mode = WAL")
        self._table.execute("PRAGMA synchronous = FULL")
        self._table.execute("CREATE TABLE e (id TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID")
        self.update(data)

    def update(self, changes: dict[str, bytes]) -> float:
        """Store the changes in one transaction and return how many seconds that took."""
        began = time.perf_counter()
        self._table.execute("BEGIN")
        self._table.executemany("INSERT OR REPLACE INTO e VALUES (?, ?)", changes.items())
        self._table.execute("COMMIT")
        return time.perf_counter() - began

    def read(self, key: str) -> object:
        return self._table.execute("SELECT value FROM e WHERE id = ?", (key,)).fetchone()

    def close(self) -> None:
        self._table.close()


class Plain:
    """One file with all values, one behind the other, all of one size."""

    def __init__(self, path: str, data: dict[str, bytes]) -> None:
        began = time.perf_counter()
        with open(path, "wb", buffering=1 << 20) as file:
            file.writelines(data.values())
            file.flush()
            os.fdatasync(file.fileno())
        self.took = time.perf_counter() - began
        self._places = {key: number for number, key in enumerate(data)}
        self._size = len(next(iter(data.values())))
        self._file = os.open(path, os.O_RDONLY)

    def read(self, key: str) -> object:
        return os.pread(self._file, self._size, self._places[key] * self._size)

    def close(self) -> None:
        os.close(self._file)
