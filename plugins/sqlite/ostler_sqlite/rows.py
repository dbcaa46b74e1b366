"""How keys are read: the SQL behind `get`, `list` and watches."""

from __future__ import annotations

import heapq
import sqlite3
from itertools import starmap
from operator import attrgetter

from ostler.errors import BadRequest, Compacted
from ostler.spi import Event, KeyValue, Page

from .schema import compacted_revision, first_id, following, lower_bound, revision_of

__all__ = ["current_revision", "next_events", "read_key", "read_page", "refuse_compacted"]

# The columns of a KeyValue, in its order; 24 is how far a revision is shifted in an id.
_GET = (
    "SELECT h.key, h.value, h.created, h.id >> 24, h.version, h.lease"
    " FROM live l JOIN history h ON h.id = l.id WHERE l.key = ?"
)
_LIST = (
    "SELECT h.key, h.value, h.created, h.id >> 24, h.version, h.lease"
    " FROM live l CROSS JOIN history h ON h.id = l.id"
    " WHERE l.key >= ? AND l.key < ? AND l.id < ? ORDER BY l.key LIMIT ?"
)
# What was changed after the revision, as the first of those changes found it.
# SQLite takes a bare column from the row that min() chose.
_CHANGED_SINCE = (
    "SELECT h.key, h.value, h.created, h.id >> 24, h.version, h.lease"
    " FROM (SELECT min(id), prev FROM history"
    " WHERE key >= ? AND key < ? AND id >= ? GROUP BY key) AS c"
    " JOIN history h ON h.id = c.prev WHERE c.prev <> 0 ORDER BY h.key LIMIT ?"
)
_EVENTS = (
    "SELECT key, value, created, id >> 24, version, lease, id FROM history"
    " WHERE id >= ? AND id < ? AND key >= ? AND key < ? ORDER BY id LIMIT ?"
)
_FOREVER = 1 << 62
_BATCH = 1024


def current_revision(connection: sqlite3.Connection) -> int:
    """Return the store's revision."""
    (newest,) = connection.execute("SELECT max(id) FROM history").fetchone()
    return revision_of(newest)


def read_key(connection: sqlite3.Connection, key: str) -> KeyValue | None:
    """Return a key as it is; None: absent."""
    row = connection.execute(_GET, (key,)).fetchone()
    return None if row is None else KeyValue(*row)


def read_page(
    connection: sqlite3.Connection, prefix: str, start_after: str, limit: int, revision: int
) -> Page:
    """Return a page; the arguments are those of `KvDriver.list`."""
    current = current_revision(connection)
    if revision > current:
        raise BadRequest(
            f"revision {revision} is in the future: the store is at {current}; "
            "list at a revision that it has told"
        )
    revision = revision or current
    arguments = (lower_bound(prefix, start_after), following(prefix), first_id(revision + 1))
    items = list(starmap(KeyValue, connection.execute(_LIST, (*arguments, limit + 1))))
    if revision < current:
        refuse_compacted(connection, revision)
        changed = starmap(KeyValue, connection.execute(_CHANGED_SINCE, (*arguments, limit + 1)))
        items = list(heapq.merge(items, changed, key=attrgetter("key")))
    return Page(revision, tuple(items[:limit]), len(items) > limit)


def next_events(
    connection: sqlite3.Connection, prefix: str, revision: int
) -> tuple[tuple[Event, ...], int]:
    """Return events from ``revision`` on, whole transactions, and the revision to go on from.

    No events and a revision greater than the store's: there are no more.

    :raises Compacted: events from ``revision`` on may be gone.
    """
    refuse_compacted(connection, revision)
    keys = (prefix, following(prefix))
    rows = connection.execute(_EVENTS, (first_id(revision), _FOREVER, *keys, _BATCH)).fetchall()
    if len(rows) < _BATCH:
        return tuple(map(_event, rows)), max(revision, current_revision(connection) + 1)
    last = rows[-1][-1]
    resume = revision_of(last) + 1
    rows += connection.execute(_EVENTS, (last + 1, first_id(resume), *keys, -1)).fetchall()
    return tuple(map(_event, rows)), resume


def refuse_compacted(connection: sqlite3.Connection, revision: int) -> None:
    """Raise `Compacted` when what was at ``revision`` may be gone."""
    oldest = compacted_revision(connection)
    if revision < oldest:
        raise Compacted(
            f"revision {revision} is no longer kept, the oldest is {oldest}: list again, then watch",
            details={"compacted": oldest},
        )


def _event(row: tuple[str, bytes | None, int, int, int, int, int]) -> Event:
    key, value, created, revision, version, lease, _ = row
    if value is None:
        return Event(revision, key, None)
    return Event(revision, key, KeyValue(key, value, created, revision, version, lease))
