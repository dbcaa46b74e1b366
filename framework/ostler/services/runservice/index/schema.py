"""The tables of the index, and how they are filled."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ..entries import packed_header, unpack_header

__all__ = ["SCHEMA", "Position", "apply", "fill", "position"]

SCHEMA = 1
"""Of the tables and of what is in them: another number is another file."""

_TABLES = """
CREATE TABLE position (number INTEGER NOT NULL, digest BLOB NOT NULL);
CREATE TABLE runs (
    id TEXT PRIMARY KEY, "group" TEXT NOT NULL, phase TEXT NOT NULL, result TEXT NOT NULL,
    config TEXT NOT NULL, header BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE annotations (
    key TEXT NOT NULL, value TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (key, value, id)
) WITHOUT ROWID;
"""

# Made after the tables are filled: sorting once is quicker than 100,000 insertions.
# None for the config: only a removal asks for it.
_INDEXES = """
CREATE INDEX runs_group ON runs ("group", id);
CREATE INDEX runs_phase ON runs (phase, id);
CREATE INDEX runs_result ON runs (result, id);
"""

_INSERT = "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?)"
_INSERT_NEW = "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?)"
_INSERT_ANNOTATION = "INSERT OR REPLACE INTO annotations VALUES (?, ?, ?)"
_DELETE_ANNOTATION = "DELETE FROM annotations WHERE key = ? AND value = ? AND id = ?"

Row = tuple[str, str, str, str, str, bytes]
Annotation = tuple[str, str, str]


class Position(NamedTuple):
    """The commit that the index is at."""

    number: int
    digest: bytes


def position(connection: sqlite3.Connection) -> Position:
    """Return the commit that the index is at."""
    return Position(*connection.execute("SELECT number, digest FROM position").fetchone())


def fill(
    connection: sqlite3.Connection, entries: Iterable[tuple[str, bytes]], at: Position
) -> None:
    """Make the tables of an empty database, and put all archived runs in."""
    annotations: list[Annotation] = []
    connection.executescript(_TABLES)
    connection.execute("BEGIN")
    connection.executemany(_INSERT_NEW, _rows(entries, annotations))
    connection.executemany(_INSERT_ANNOTATION, sorted(annotations))
    connection.execute("INSERT INTO position VALUES (?, ?)", at)
    connection.execute("COMMIT")
    connection.executescript(_INDEXES)


def apply(
    connection: sqlite3.Connection, entries: Mapping[str, bytes | None], at: Position
) -> None:
    """Take in what changed."""
    annotations: list[Annotation] = []
    kept = [(run_id, data) for run_id, data in entries.items() if data is not None]
    connection.execute("BEGIN")
    for run_id in entries:
        _forget(connection, run_id)
    connection.executemany(_INSERT, _rows(kept, annotations))
    connection.executemany(_INSERT_ANNOTATION, annotations)
    connection.execute("UPDATE position SET number = ?, digest = ?", at)
    connection.execute("COMMIT")


def _forget(connection: sqlite3.Connection, run_id: str) -> None:
    found = connection.execute("SELECT header FROM runs WHERE id = ?", (run_id,)).fetchone()
    if found:
        header = unpack_header(found[0])
        connection.executemany(_DELETE_ANNOTATION, _annotations(run_id, header))
        connection.execute("DELETE FROM runs WHERE id = ?", (run_id,))


def _rows(entries: Iterable[tuple[str, bytes]], annotations: list[Annotation]) -> Iterator[Row]:
    """Yield the rows of runs; their annotations go into the list."""
    for run_id, data in entries:
        packed = packed_header(data)
        header = unpack_header(packed)
        if "annotations" in header:
            annotations += _annotations(run_id, header)
        yield (
            run_id,
            header.get("group", ""),
            header.get("phase", "queued"),
            header.get("result", "unknown"),
            header["config_id"],
            packed,
        )


def _annotations(run_id: str, header: Mapping[str, Any]) -> list[Annotation]:
    return [(key, value, run_id) for key, value in header.get("annotations", {}).items()]
