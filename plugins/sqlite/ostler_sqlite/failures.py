"""What SQLite's result codes mean in our error tree."""

from __future__ import annotations

import sqlite3

from ostler.errors import BadRequest, Error, Forbidden, Internal, Unavailable, Unknown

__all__ = ["concerns_one", "translate"]

_BUSY, _FULL, _IOERR = sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_REFUSED = (sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_AUTH)
_WRONG = (sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_RANGE)
_LATER = (sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_CANTOPEN)


def concerns_one(error: Exception) -> bool:
    """Return whether an error is one request's own fault, not the file's or the machine's."""
    return not isinstance(error, sqlite3.Error) or _primary(error) in (None, *_WRONG)


def translate(error: sqlite3.Error, path: str, *, committing: bool = False) -> Error:
    """Return the typed error for what SQLite raised about the file ``path``.

    :param committing: raised by COMMIT: an I/O error leaves the outcome open.
    """
    code = _primary(error)
    if code == _BUSY:
        return Unavailable(
            f"{path} is busy: another process has been writing for too long; try again, "
            "or raise busy_timeout"
        )
    if code == _FULL:
        return Unavailable(
            f"no space left for {path}: nothing was written; free some and try again"
        )
    if code == _IOERR and committing:
        return Unknown(f"{path} could not be synchronised ({error}): read it before trying again")
    if code == _IOERR or code in _LATER:
        return Unavailable(f"{path} cannot be used now ({error}): check the disk and the directory")
    return _lasting(error, code, path)


def _lasting(error: sqlite3.Error, code: int | None, path: str) -> Error:
    if code in _DAMAGED:
        return Internal(
            f"{path} is damaged or no SQLite file ({error}): stop what uses it, keep a copy, and "
            "restore a backup or move it away to begin with an empty store",
            code="damaged",
        )
    if code in _REFUSED:
        return Forbidden(
            f"{path} cannot be written ({error}): check the owner and mode of the file"
        )
    if code in _WRONG:
        return BadRequest(f"{path} cannot take this value: {error}")
    return Internal(f"{path}: {type(error).__name__}: {error}")


def _primary(error: sqlite3.Error) -> int | None:
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
