"""The SQL of leases. Deadlines are in seconds of `uptime`."""

from __future__ import annotations

import sqlite3

from ostler.errors import NotFound
from ostler.spi import Lease

from .uptime import uptime

__all__ = ["any_expired", "expired", "expired_at_start", "grant", "keep_alive", "next_deadline"]

_SLACK = 1.0


def grant(connection: sqlite3.Connection, ttl: float) -> Lease:
    """Make a lease."""
    cursor = connection.execute(
        "INSERT INTO lease (ttl, deadline) VALUES (?, ?)", (ttl, uptime() + ttl)
    )
    assert cursor.lastrowid is not None
    return Lease(cursor.lastrowid, ttl)


def keep_alive(connection: sqlite3.Connection, lease: int) -> None:
    """Begin a lease's time anew.

    :raises NotFound: it does not exist.
    """
    cursor = connection.execute(
        "UPDATE lease SET deadline = ttl + ? WHERE id = ?", (uptime(), lease)
    )
    if not cursor.rowcount:
        raise NotFound(f"lease {lease} has run out or was revoked: grant a new one")


def next_deadline(connection: sqlite3.Connection) -> float | None:
    """Return when the next lease runs out; None: there is none."""
    (deadline,) = connection.execute("SELECT min(deadline) FROM lease").fetchone()
    return None if deadline is None else float(deadline)


def any_expired(connection: sqlite3.Connection) -> bool:
    """Return whether a lease has run out whose keys are still there."""
    deadline = next_deadline(connection)
    return deadline is not None and deadline <= uptime()


def expired(connection: sqlite3.Connection) -> list[int]:
    """Return the leases that have run out, the first one first."""
    sql = "SELECT id FROM lease WHERE deadline <= ? ORDER BY deadline, id"
    return [lease for (lease,) in connection.execute(sql, (uptime(),))]


def expired_at_start(connection: sqlite3.Connection) -> list[int]:
    """Return the leases that were granted before the machine last started: nobody holds them.

    Told by a deadline further away than the whole time to live. One that this
    does not show runs out within its time to live, as any other.
    """
    sql = "SELECT id FROM lease WHERE deadline > ? + ttl"
    return [lease for (lease,) in connection.execute(sql, (uptime() + _SLACK,))]
