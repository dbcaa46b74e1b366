"""The bytes of objects: written from a source, read from a range."""

from __future__ import annotations

import os

from ostler.errors import Unavailable
from ostler.spi.storage import Body, ObjectInfo, Readable

from .failures import typed
from .infos import info_of, unreadable
from .writeback import start_writeback

__all__ = ["FileBody", "fill", "open_range", "synchronise"]

_CHUNK = 1 << 20
_WRITEBACK_STEP = 8 << 20
# Neither follow a link nor wait for the other end of a pipe: neither is an object.
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


def fill(descriptor: int, source: Readable, size: int | None, *, persist: bool) -> None:
    """Write what ``source`` yields to an empty file, and make it durable if asked to."""
    if size is not None and size <= _CHUNK:
        while size and (data := source.read(size)):
            _write(descriptor, data)
            size -= len(data)
    else:
        _fill_large(descriptor, source, size, persist=persist)
    if persist:
        synchronise(descriptor)


def _fill_large(descriptor: int, source: Readable, size: int | None, *, persist: bool) -> None:
    """In chunks, which begin to reach the disk while the rest arrives: little is left to wait for."""
    written = started = 0
    while written != size:
        data = source.read(_CHUNK if size is None else min(_CHUNK, size - written))
        if not data:
            break
        _write(descriptor, data)
        written += len(data)
        if persist and written - started >= _WRITEBACK_STEP:
            start_writeback(descriptor, started, written - started)
            started = written


def open_range(path: str, key: str, start: int, end: int | None) -> tuple[ObjectInfo, Body]:
    """Open the bytes ``start`` to ``end`` of the file at ``path``, which is the object ``key``.

    :raises NotFound: there is no regular file.
    """
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError as error:
        raise unreadable(error, key) from error
    try:
        info = info_of(key, os.fstat(descriptor))
        if start:
            os.lseek(descriptor, start, os.SEEK_SET)
    except BaseException:
        os.close(descriptor)
        raise
    last = info.size if end is None or end > info.size else end
    return info, FileBody(descriptor, max(0, last - start), key)


class FileBody(Body):
    """A range of an open file, which it closes.

    :param descriptor: of the file.
    :param length: how many bytes there are to read from where it stands.
    """

    def __init__(self, descriptor: int, length: int, key: str) -> None:
        self._descriptor, self._left, self._key = descriptor, length, key

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            return self._read_rest()
        try:
            data = os.read(self._descriptor, min(size, self._left))
        except OSError as error:
            raise typed(error, f"read {self._key!r}") from error
        if not data and size and self._left:
            raise Unavailable(f"the file of {self._key!r} ends {self._left} bytes early")
        self._left -= len(data)
        return data

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __del__(self) -> None:
        self.close()

    def _read_rest(self) -> bytes:
        pieces = []
        while self._left:
            pieces.append(self.read(self._left))
        return b"".join(pieces)


def _write(descriptor: int, data: bytes) -> None:
    try:
        count = os.write(descriptor, data)
        while count < len(data):
            count += os.write(descriptor, memoryview(data)[count:])
    except OSError as error:
        raise typed(error, "write the object") from error


def synchronise(descriptor: int) -> None:
    """Wait until a file's content is on the disk."""
    try:
        getattr(os, "fdatasync", os.fsync)(descriptor)
    except OSError as error:
        raise typed(error, "synchronise the object") from error
