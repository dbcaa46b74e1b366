from __future__ import annotations

import sqlite3

import pytest

from ostler.errors import BadRequest, Error, Forbidden, Internal, Unavailable, Unknown
from ostler_sqlite.failures import concerns_one, translate


def failure(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("what SQLite says")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("code", "kind", "advice"),
    [
        (sqlite3.SQLITE_BUSY, Unavailable, "raise busy_timeout"),
        (sqlite3.SQLITE_BUSY_RECOVERY, Unavailable, "raise busy_timeout"),
        (sqlite3.SQLITE_FULL, Unavailable, "free some"),
        (sqlite3.SQLITE_IOERR_WRITE, Unavailable, "check the disk"),
        (sqlite3.SQLITE_CANTOPEN, Unavailable, "check the disk"),
        (sqlite3.SQLITE_CORRUPT, Internal, "restore a backup"),
        (sqlite3.SQLITE_NOTADB, Internal, "restore a backup"),
        (sqlite3.SQLITE_READONLY, Forbidden, "owner and mode"),
        (sqlite3.SQLITE_TOOBIG, BadRequest, "cannot take this value"),
        (sqlite3.SQLITE_ERROR, Internal, "what SQLite says"),
    ],
)
def test_every_code_means_something(code: int, kind: type[Error], advice: str) -> None:
    error = translate(failure(code), "/srv/state.db")
    assert type(error) is kind
    assert "/srv/state.db" in error.message
    assert advice in error.message


def test_failed_synchronisation_leaves_the_outcome_open() -> None:
    for code, kind in (
        (sqlite3.SQLITE_IOERR_FSYNC, Unknown),
        (sqlite3.SQLITE_FULL, Unavailable),
        (sqlite3.SQLITE_BUSY, Unavailable),
    ):
        assert type(translate(failure(code), "/srv/state.db", committing=True)) is kind


def test_what_concerns_one_request_only() -> None:
    assert concerns_one(UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogate"))
    assert concerns_one(failure(sqlite3.SQLITE_TOOBIG))
    assert concerns_one(sqlite3.ProgrammingError("no code: raised by the module itself"))
    assert not concerns_one(failure(sqlite3.SQLITE_BUSY))
    assert not concerns_one(failure(sqlite3.SQLITE_FULL))
