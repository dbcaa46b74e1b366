"""The tables, and how ids, revisions and key ranges map to each other.

``history`` is every change that is kept. Its id is ``revision << 24 | n``, so
that a scan by id is a scan by revision, the newest id tells the store's
revision, and a write appends. ``prev`` is the id that the change replaced: it
leads back to the state at an older revision, and tells compaction what nobody
needs any more. ``live`` points to the present change of every key that exists.
``mark`` holds, for every stretch of revisions, how many bytes it wrote.
"""

from __future__ import annotations

import sqlite3

__all__ = [
    "APPLICATION_ID",
    "FIRST_REVISION",
    "FORMAT",
    "MAX_CHANGES",
    "SCHEMA",
    "compacted_revision",
    "first_id",
    "following",
    "lower_bound",
    "revision_of",
]

APPLICATION_ID = 0x4F53544B
FORMAT = 1
FIRST_REVISION = 1
"""The revision of an empty store, so that 0 is free to mean "now"."""

_SHIFT = 24
MAX_CHANGES = 1 << _SHIFT
"""Changes that fit into one revision."""

SCHEMA = (
    "CREATE TABLE history (id INTEGER PRIMARY KEY, key TEXT NOT NULL, value BLOB,"
    " created INTEGER NOT NULL, version INTEGER NOT NULL, lease INTEGER NOT NULL,"
    " prev INTEGER NOT NULL)",
    "CREATE TABLE live (key TEXT PRIMARY KEY, id INTEGER NOT NULL, created INTEGER NOT NULL,"
    " version INTEGER NOT NULL, lease INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX live_by_lease ON live (lease) WHERE lease <> 0",
    "CREATE TABLE lease (id INTEGER PRIMARY KEY AUTOINCREMENT, ttl REAL NOT NULL,"
    " deadline REAL NOT NULL)",
    "CREATE INDEX lease_by_deadline ON lease (deadline)",
    "CREATE TABLE mark (revision INTEGER PRIMARY KEY, bytes INTEGER NOT NULL)",
    "CREATE TABLE compacted (revision INTEGER NOT NULL)",
    "INSERT INTO compacted VALUES (0)",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {FORMAT}",
)


def first_id(revision: int) -> int:
    """Return the smallest history id of a revision."""
    return revision << _SHIFT


def revision_of(history_id: int | None) -> int:
    """Return the revision of a history id; None: of an empty history."""
    return FIRST_REVISION if history_id is None else history_id >> _SHIFT


def compacted_revision(connection: sqlite3.Connection) -> int:
    """Return the oldest revision that can still be listed at and watched from."""
    row: tuple[int] = connection.execute("SELECT revision FROM compacted").fetchone()
    return row[0]


def lower_bound(prefix: str, start_after: str) -> str:
    """Return the least key that begins with ``prefix`` and is greater than ``start_after``."""
    return prefix if start_after < prefix else start_after + "\0"


def following(prefix: str) -> str | bytes:
    """Return what is greater than all keys that begin with ``prefix``, and not greater than any other.

    Text compares by its UTF-8 bytes, which is the order of code points; every
    blob is greater than any text.
    """
    kept = prefix.rstrip("\U0010ffff")
    if not kept:
        return b""
    last = ord(kept[-1]) + 1
    return kept[:-1] + chr(0xE000 if last == 0xD800 else last)
