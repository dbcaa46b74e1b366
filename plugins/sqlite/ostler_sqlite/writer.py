"""One write transaction of SQLite: many requests, each a revision of its own or none."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from ostler.errors import NotFound
from ostler.spi import Compare, Delete, Get, KeyValue, Operation, Put, Target, TxnResult

from .changes import Revision
from .compaction import History
from .leases import expired
from .rows import read_key
from .schema import revision_of
from .uptime import uptime

__all__ = ["Writer", "Written"]

_HEAD = "SELECT (SELECT max(id) FROM history), (SELECT min(deadline) FROM lease)"
_COMPARED = {
    Target.CREATE_REVISION: "SELECT created FROM live WHERE key = ?",
    Target.MOD_REVISION: "SELECT id >> 24 FROM live WHERE key = ?",
    Target.VERSION: "SELECT version FROM live WHERE key = ?",
    Target.VALUE: "SELECT h.value FROM live l JOIN history h ON h.id = l.id WHERE l.key = ?",
}


class Written:
    """What a write transaction changed, for those who watch.

    :ivar first: the first revision that it made.
    :ivar last: the last one; less than ``first`` when there is none.
    :ivar keys: that were put or deleted.
    :ivar prefixes: that were deleted.
    :ivar size: bytes of values.
    """

    __slots__ = ("first", "keys", "last", "prefixes", "size")

    def __init__(self, first: int) -> None:
        self.first, self.last = first, first - 1
        self.keys: list[str] = []
        self.prefixes: list[str] = []
        self.size = 0

    def touches(self, prefix: str) -> bool:
        """Return whether a key that begins with ``prefix`` may have changed."""
        return any(key.startswith(prefix) for key in self.keys) or any(
            deleted.startswith(prefix) or prefix.startswith(deleted) for deleted in self.prefixes
        )


class Writer:
    """What a request may do with the store while it has the write lock.

    A request raises errors of ours only before it changes anything.

    :param connection: in a write transaction.
    """

    def __init__(self, connection: sqlite3.Connection, history: History) -> None:
        newest, deadline = connection.execute(_HEAD).fetchone()
        self.connection = connection
        self._history = history
        self.revision = revision_of(newest)
        self.written = Written(self.revision + 1)
        if deadline is not None and deadline <= uptime():
            self.expire()

    def txn(
        self, compares: Sequence[Compare], then: Sequence[Operation], otherwise: Sequence[Operation]
    ) -> TxnResult:
        """Run a transaction, as in `KvDriver.txn`."""
        succeeded = all(map(self._holds, compares))
        branch = then if succeeded else otherwise
        self._check_leases(branch)
        revision = Revision(self.connection, self.revision + 1)
        reads = self._run(revision, branch)
        self._adopt(revision)
        return TxnResult(succeeded, self.revision, reads)

    def expire(self) -> None:
        """End every lease whose time is over."""
        for lease in expired(self.connection):
            self.revoke(lease)

    def revoke(self, lease: int) -> None:
        """End a lease, if it exists, and delete its keys."""
        revision = Revision(self.connection, self.revision + 1)
        self.written.keys += revision.delete_leased(lease)
        self.connection.execute("DELETE FROM lease WHERE id = ?", (lease,))
        self._adopt(revision)

    def compact(self, revision: int) -> bool:
        """Forget a stretch of what was before ``revision``; return whether that was all."""
        return self._history.forget(self.connection, revision)

    def keep_bounded(self) -> None:
        """Forget what is older than the settings keep, when it is time to look."""
        self._history.keep_bounded(self.connection, self.revision, self.written.size)

    def _holds(self, compare: Compare) -> bool:
        row = self.connection.execute(_COMPARED[compare.target], (compare.key,)).fetchone()
        if row is None:
            return compare.target is not Target.VALUE and compare.expected == 0
        return bool(row[0] == compare.expected)

    def _check_leases(self, branch: Sequence[Operation]) -> None:
        for lease in {each.lease for each in branch if isinstance(each, Put) and each.lease}:
            found = self.connection.execute("SELECT 1 FROM lease WHERE id = ?", (lease,)).fetchone()
            if found is None:
                raise NotFound(f"lease {lease} has run out or was revoked: grant a new one")

    def _run(self, revision: Revision, branch: Sequence[Operation]) -> tuple[KeyValue | None, ...]:
        reads: list[KeyValue | None] = []
        puts: list[Put] = []
        for operation in branch:
            if isinstance(operation, Put):
                puts.append(operation)
                continue
            self._put(revision, puts)
            puts = []
            if isinstance(operation, Get):
                reads.append(read_key(self.connection, operation.key))
            else:
                self._delete(revision, operation)
        self._put(revision, puts)
        return tuple(reads)

    def _put(self, revision: Revision, puts: list[Put]) -> None:
        if puts:
            revision.put(puts)
            self.written.keys += [put.key for put in puts]
            self.written.size += sum([len(put.value) for put in puts])

    def _delete(self, revision: Revision, delete: Delete) -> None:
        if delete.prefix:
            revision.delete_prefix(delete.key)
            self.written.prefixes.append(delete.key)
        else:
            revision.delete(delete.key)
            self.written.keys.append(delete.key)

    def _adopt(self, revision: Revision) -> None:
        if not revision.empty:
            self.revision = self.written.last = revision.number
