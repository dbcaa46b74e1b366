"""Forgetting: what nobody can ask for any more is deleted, a stretch at a time, as the store is written."""

from __future__ import annotations

import sqlite3

from .schema import compacted_revision, first_id

__all__ = ["History"]

_STRIDE = 256
"""Revisions between two looks at what is kept."""

_STRETCH = 4 * _STRIDE
"""Revisions forgotten at once: the writers wait meanwhile."""

_LAST_MARK = "SELECT coalesce(max(revision), 0) FROM mark"
# 64 is about what a change takes besides its key and value.
_MARK = (
    "INSERT OR REPLACE INTO mark (revision, bytes)"
    " SELECT ?, coalesce(sum(length(key) + coalesce(length(value), 0) + 64), 0)"
    " FROM history WHERE id >= ? AND id < ?"
)
_BEYOND = (
    "SELECT coalesce(max(revision), 0) FROM"
    " (SELECT revision, sum(bytes) OVER (ORDER BY revision DESC) AS newer FROM mark)"
    " WHERE newer > ?"
)
_REPLACED = (
    "DELETE FROM history WHERE id IN"
    " (SELECT prev FROM history WHERE id >= ? AND id < ? AND prev <> 0)"
)
_DELETED = "DELETE FROM history WHERE id >= ? AND id < ? AND value IS NULL"


class History:
    """How much of the past is kept.

    :param revisions: at most, but for the stride that is being written.
    :param size: in bytes, likewise.
    """

    def __init__(self, *, revisions: int, size: int) -> None:
        self._revisions, self._size = revisions, size
        self._next_look = 0
        self._unseen = 0

    def keep_bounded(self, connection: sqlite3.Connection, revision: int, written: int) -> None:
        """Look, once per stride of revisions or sooner when they are large, what is to be forgotten.

        :param written: bytes of values since the last call.
        """
        self._unseen += written
        if revision < self._next_look and self._unseen < self._size >> 3:
            return
        (marked,) = connection.execute(_LAST_MARK).fetchone()
        if revision - marked >= _STRIDE or self._unseen >= self._size >> 3:
            self._mark(connection, marked, revision)
            marked = revision
        self._next_look = marked + _STRIDE

    def _mark(self, connection: sqlite3.Connection, marked: int, revision: int) -> None:
        self._unseen = 0
        connection.execute(_MARK, (revision, first_id(marked + 1), first_id(revision + 1)))
        (beyond,) = connection.execute(_BEYOND, (self._size,)).fetchone()
        self.forget(connection, max(beyond, revision - self._revisions))

    def forget(self, connection: sqlite3.Connection, revision: int) -> bool:
        """Forget a stretch of what was before ``revision``; return whether that was all of it."""
        begin = compacted_revision(connection)
        end = min(revision, begin + _STRETCH)
        if begin < end:
            connection.execute(_REPLACED, (first_id(begin), first_id(end + 1)))
            connection.execute(_DELETED, (first_id(begin), first_id(end)))
            connection.execute("DELETE FROM mark WHERE revision < ?", (end,))
            connection.execute("UPDATE compacted SET revision = ?", (end,))
        return end >= revision
