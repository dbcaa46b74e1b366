"""The driver: puts the parts together."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from typing import Concatenate, ParamSpec, TypeVar

from ostler.errors import BadRequest
from ostler.spi import (
    Compare,
    KeyValue,
    KvCapabilities,
    KvDriver,
    Lease,
    Operation,
    Page,
    TxnResult,
    Watch,
)

from . import leases
from .commits import Commits
from .compaction import History
from .connections import Connections
from .creation import create
from .peers import Voice
from .rows import current_revision, read_key, read_page
from .sentinel import Sentinel
from .settings import SqliteSettings
from .watching import Hub, SqliteWatch
from .writer import Writer, Written

__all__ = ["SqliteDriver", "open_driver"]

P = ParamSpec("P")
T = TypeVar("T")

_CAPABILITIES = KvCapabilities(
    durable=True, shared=True, max_operations=1_000_000, max_value_size=64 << 20
)


def open_driver(settings: SqliteSettings) -> SqliteDriver:
    """Open the store, made when absent.

    :raises BadRequest: the path cannot be used, or is another program's database.
    :raises Unavailable: another process kept it busy for too long.
    :raises Internal: the file is damaged.
    """
    return SqliteDriver(settings)


class SqliteDriver(KvDriver):
    """One SQLite file as a key-value store. No thread runs until something is watched."""

    def __init__(self, settings: SqliteSettings) -> None:
        path = os.path.abspath(settings.path)
        create(path, busy_timeout=settings.busy_timeout)
        self._connections = Connections(path, busy_timeout=settings.busy_timeout)
        self._directory = path + "-peers"
        self._hub = Hub()
        self._voice = Voice(self._directory)
        self._lock = threading.Lock()
        self._sentinel: Sentinel | None = None
        history = History(revisions=settings.keep_revisions, size=settings.keep_bytes)
        self._commits = Commits(self._connections, history, self._announce)
        try:
            self._revoke_orphans()
        except BaseException:
            self._connections.close()
            raise

    @property
    def capabilities(self) -> KvCapabilities:
        return _CAPABILITIES

    def get(self, key: str) -> KeyValue | None:
        return self._read(read_key, key)

    def list(self, prefix: str, *, start_after: str, limit: int, revision: int) -> Page:
        return self._read(read_page, prefix, start_after, limit, revision)

    def txn(
        self,
        compares: Sequence[Compare],
        then: Sequence[Operation],
        otherwise: Sequence[Operation],
    ) -> TxnResult:
        return self._commits.run(lambda writer: writer.txn(compares, then, otherwise))

    def watch(self, prefix: str, revision: int) -> Watch:
        self._connections.check()
        self._listen()
        start = revision or self._read(current_revision) + 1
        watch = SqliteWatch(self._connections, prefix, start, self._hub.remove)
        self._hub.add(watch)
        return watch

    def compact(self, revision: int) -> None:
        self._connections.read(_refuse_future, revision)
        while not self._commits.run(lambda writer: writer.compact(revision)):
            continue

    def grant(self, ttl: float) -> Lease:
        return self._commits.run(lambda writer: leases.grant(writer.connection, ttl))

    def keep_alive(self, lease_id: int) -> None:
        self._commits.run(lambda writer: leases.keep_alive(writer.connection, lease_id))

    def revoke(self, lease_id: int) -> None:
        self._commits.run(lambda writer: writer.revoke(lease_id))

    def close(self) -> None:
        if self._connections.inherited:
            return  # threads and locks did not come along
        self._hub.close()
        with self._lock:
            sentinel, self._sentinel = self._sentinel, None
        if sentinel is not None:
            sentinel.close()
        self._voice.close()
        self._connections.close()

    def _read(
        self,
        work: Callable[Concatenate[sqlite3.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Read, after the keys of leases that have run out are gone."""
        while not (answer := self._connections.read(_unless_expired, work, *args, **kwargs)):
            self._expire()
        return answer[0]

    def _expire(self) -> None:
        self._commits.run(_nothing)

    def _announce(self, written: Written) -> None:
        if written.first <= written.last:
            self._hub.written(written)
            self._voice.ring()

    def _listen(self) -> None:
        with self._lock:
            if self._sentinel is None:
                self._sentinel = Sentinel(
                    self._connections, self._directory, self._hub.refresh, self._expire
                )
                self._voice.own = self._sentinel.name

    def _revoke_orphans(self) -> None:
        for lease in self._connections.read(leases.expired_at_start):
            self.revoke(lease)


def _unless_expired(
    connection: sqlite3.Connection,
    work: Callable[Concatenate[sqlite3.Connection, P], T],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> tuple[T, ...]:
    """Return ``work``'s answer in a tuple; an empty one when a lease has run out."""
    return () if leases.any_expired(connection) else (work(connection, *args, **kwargs),)


def _refuse_future(connection: sqlite3.Connection, revision: int) -> None:
    current = current_revision(connection)
    if revision > current:
        raise BadRequest(
            f"cannot compact up to revision {revision}: the store is at {current}; "
            "name a revision that it has told"
        )


def _nothing(writer: Writer) -> None:
    """Ask for nothing: whatever begins a write transaction ends leases that have run out."""
