"""What the file system says of a file, as an object's description."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Sequence
from dataclasses import fields

from ostler.errors import Error, NotFound
from ostler.spi.storage import ObjectInfo

from .failures import typed

__all__ = ["ABSENT", "Versions", "info_of", "infos", "missing", "unreadable"]

_REMEMBERED = 4096

_TYPE, _REGULAR = 0o170000, stat.S_IFREG
# A frozen dataclass fills its slots one by one through `object.__setattr__`;
# going straight to them saves a tenth of a listing.
_new = object.__new__
_set_key, _set_size, _set_modified, _set_etag = (
    getattr(ObjectInfo, field.name).__set__ for field in fields(ObjectInfo)
)
ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.ENAMETOOLONG}
"""Numbers of the errors that mean: there is no such object."""


def info_of(key: str, found: os.stat_result) -> ObjectInfo:
    """Describe the object ``key``, whose file is ``found``.

    :raises NotFound: it is no regular file.
    """
    if found.st_mode & _TYPE != _REGULAR:
        raise missing(key)
    return _info(key, found)


class Versions:
    """Keeps apart what was written in one tick of the file system's clock.

    An inode is used again as soon as it is free: without this, the third of
    three quick versions of an object could look like the first.
    """

    def __init__(self) -> None:
        self._times: dict[int, int] = {}

    def describe(self, key: str, descriptor: int) -> ObjectInfo:
        """Describe the object ``key``, just written to a new file, giving it a time of its own."""
        found = os.fstat(descriptor)
        inode, nanoseconds = found.st_ino, found.st_mtime_ns
        if self._times.get(inode) == nanoseconds:
            now = time.time_ns()
            os.utime(descriptor, ns=(now, now))
            found = os.fstat(descriptor)
        elif len(self._times) > _REMEMBERED:
            self._times.clear()
        self._times[inode] = nanoseconds
        return _info(key, found)


def infos(directory: str, base: str, names: Sequence[str]) -> list[ObjectInfo]:
    """Describe the files ``names`` of a directory; ``base`` goes before each to make its key.

    Those that are gone are left out.
    """
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise typed(error, f"list {directory!r}") from error
    try:
        return _describe(descriptor, base, names)
    except OSError as error:
        raise typed(error, f"list {directory!r}") from error
    finally:
        os.close(descriptor)


def _describe(descriptor: int, base: str, names: Sequence[str]) -> list[ObjectInfo]:
    """As `info_of`, written out: most of a listing's time is spent in this loop."""
    found, lstat = [], os.lstat
    for name in names:
        try:
            file = lstat(name, dir_fd=descriptor)
        except FileNotFoundError:
            continue
        if file.st_mode & _TYPE != _REGULAR:
            continue
        found.append(_info(base + name, file))
    return found


def _info(key: str, found: os.stat_result) -> ObjectInfo:
    nanoseconds, size = found.st_mtime_ns, found.st_size
    info = _new(ObjectInfo)
    _set_key(info, key)
    _set_size(info, size)
    _set_modified(info, nanoseconds / 1e9)
    _set_etag(info, "%x-%x-%x" % (found.st_ino, nanoseconds, size))  # noqa: UP031 - twice as quick
    return info


def missing(key: str) -> NotFound:
    """Return the error for a key that has no object."""
    return NotFound(f"there is no object {key!r}")


def unreadable(error: OSError, key: str) -> Error:
    """Return the error to raise when the file of ``key`` could not be opened or described."""
    return missing(key) if error.errno in ABSENT else typed(error, f"read {key!r}")
