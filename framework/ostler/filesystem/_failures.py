"""What the errors of a storage are to who works with files."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from ostler.errors import (
    BadRequest,
    Conflict,
    Error,
    Forbidden,
    NotFound,
    Unauthorized,
    Unavailable,
)

__all__ = ["as_os_errors", "changed", "missing", "os_error"]

# Python makes the subclass of an OSError from its number: FileNotFoundError of ENOENT.
_BY_CODE = {
    "changed": errno.ESTALE,
    "exists": errno.EEXIST,
    "key_conflict": errno.ENOTDIR,
    "no_space": errno.ENOSPC,
    "too_large": errno.EFBIG,
}
_BY_TYPE: tuple[tuple[type[Error], int], ...] = (
    (NotFound, errno.ENOENT),
    (Conflict, errno.EBUSY),
    (Forbidden, errno.EACCES),
    (Unauthorized, errno.EACCES),
)


@contextmanager
def as_os_errors(path: str | None) -> Iterator[None]:
    """Raise what `os_error` makes of an error of ours, from it.

    :param path: that it is about; None: several, or none.
    """
    try:
        yield
    except Error as error:
        raise os_error(error, path) from error


def os_error(error: Error, path: str | None) -> OSError | ValueError:
    """Return what Python's own files would raise: an `OSError`, or a `ValueError` for a wrong argument."""
    number = _BY_CODE.get(error.code)
    if number is None and isinstance(error, BadRequest):
        return ValueError(error.message)
    number = number or next(
        (number for kind, number in _BY_TYPE if isinstance(error, kind)), errno.EIO
    )
    if number == errno.EIO and isinstance(error, Unavailable):
        return ConnectionError(number, error.message, path)
    return OSError(number, error.message, path)


def missing(path: str) -> FileNotFoundError:
    """Return the error for a path where there is neither an object nor a directory."""
    return FileNotFoundError(errno.ENOENT, "there is no such object or directory", path)


def changed(path: str) -> OSError:
    """Return the error for an object that was replaced while it was read."""
    return OSError(errno.ESTALE, "the object was replaced while it was read: open it again", path)
