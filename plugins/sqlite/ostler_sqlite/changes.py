"""How changes are written: the SQL behind `Put` and `Delete`."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from ostler.errors import BadRequest
from ostler.spi import Put

from .schema import MAX_CHANGES, first_id, following

__all__ = ["Revision"]

_LONGEST = 128
"""Rows per statement: beyond it, more rows cost the same each, and rarer lengths are not prepared."""


_NEW = "WITH new (id, key, value, lease) AS (VALUES "
_INSERT = (
    ") INSERT INTO history (id, key, value, created, version, lease, prev)"
    " SELECT new.id, new.key, new.value, coalesce(live.created, new.id >> 24),"
    " coalesce(live.version, 0) + 1, new.lease, coalesce(live.id, 0)"
    " FROM new LEFT JOIN live ON live.key = new.key"
)
_INSERTS = {
    rows: _NEW + ",".join(["(?,?,?,?)"] * rows) + _INSERT
    for rows in (1 << power for power in range(8))
}
_POINT = (
    "INSERT OR REPLACE INTO live (key, id, created, version, lease)"
    " SELECT key, id, created, version, lease FROM history WHERE id >= ?"
)
_BURY = (
    "INSERT INTO history (id, key, value, created, version, lease, prev)"
    " SELECT ? + row_number() OVER (ORDER BY key) - 1, key, NULL, 0, 0, 0, id FROM live WHERE "
)
_FIND = "SELECT key FROM live WHERE "
_FORGET = "DELETE FROM live WHERE "
_ONE, _RANGE, _LEASED = "key = ?", "key >= ? AND key < ?", "lease = ? AND lease <> 0"


class Revision:
    """One revision in the making: the changes of one transaction.

    :param connection: in a write transaction.
    :param number: of the revision, one more than the store's.
    """

    __slots__ = ("_connection", "_limit", "_next", "number")

    def __init__(self, connection: sqlite3.Connection, number: int) -> None:
        self._connection = connection
        self._next = first_id(number)
        self._limit = self._next + MAX_CHANGES
        self.number = number

    @property
    def empty(self) -> bool:
        """Whether nothing was changed."""
        return self._next == self._limit - MAX_CHANGES

    def put(self, puts: Sequence[Put]) -> None:
        """Write keys, none of them twice."""
        first = self._next
        self._advance(len(puts))
        at, rows = 0, _LONGEST
        while at < len(puts):
            while rows > len(puts) - at:
                rows >>= 1
            self._insert(first + at, puts[at : at + rows])
            at += rows
        self._connection.execute(_POINT, (first,))

    def delete(self, key: str) -> None:
        """Delete a key, if it exists."""
        self._delete(_ONE, key)

    def delete_prefix(self, prefix: str) -> None:
        """Delete all keys that begin with ``prefix``."""
        self._delete(_RANGE, prefix, following(prefix))

    def delete_leased(self, lease: int) -> tuple[str, ...]:
        """Delete all keys of a lease; return them."""
        keys = tuple(key for (key,) in self._connection.execute(_FIND + _LEASED, (lease,)))
        self._delete(_LEASED, lease)
        return keys

    def _insert(self, first: int, puts: Sequence[Put]) -> None:
        parameters: list[int | str | bytes] = []
        for number, put in enumerate(puts, first):
            parameters += (number, put.key, put.value, put.lease)
        self._connection.execute(_INSERTS[len(puts)], parameters)

    def _delete(self, condition: str, *parameters: int | str | bytes) -> None:
        deleted = self._connection.execute(_BURY + condition, (self._next, *parameters)).rowcount
        if deleted:
            self._advance(deleted)
            self._connection.execute(_FORGET + condition, parameters)

    def _advance(self, count: int) -> None:
        self._next += count
        if self._next > self._limit:
            raise BadRequest(f"a transaction can change {MAX_CHANGES} keys: make several of it")
