"""Streams between pods, the executor's disk and the runservice."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable

from ostler.errors import Unavailable
from ostler.spi.executor import Cancel
from ostler.spi.storage import Body, Readable

from .processes import cancelled

__all__ = ["CancellableBody", "CancellableSource", "LazyBody", "spool"]

_CHUNK = 1 << 20


class CancellableSource:
    """A source that breaks off when the task is cancelled."""

    def __init__(self, source: Readable, cancel: Cancel) -> None:
        self._source = source
        self._cancel = cancel

    def read(self, size: int = -1, /) -> bytes:
        if self._cancel.is_set():
            raise cancelled()
        return self._source.read(size)


class CancellableBody(Body):
    """A body that breaks off when the task is cancelled."""

    def __init__(self, body: Body, cancel: Cancel) -> None:
        self._body = body
        self._source = CancellableSource(body, cancel)

    def read(self, size: int = -1, /) -> bytes:
        return self._source.read(size)

    def close(self) -> None:
        self._body.close()


class LazyBody(Body):
    """A body that is opened with the first read.

    :param open_body: opens it.
    """

    def __init__(self, open_body: Callable[[], Body]) -> None:
        self._open = open_body
        self._body: Body | None = None

    def read(self, size: int = -1, /) -> bytes:
        if self._body is None:
            self._body = self._open()
        return self._body.read(size)

    def close(self) -> None:
        if self._body is not None:
            self._body.close()


def spool(source: Readable, path: str) -> None:
    """Write all of ``source`` to the file ``path``; whatever fails, no part of it stays.

    :raises Unavailable: the disk does not take it.
    """
    try:
        _write(source, path)
    except BaseException as error:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        if isinstance(error, OSError):
            raise Unavailable(f"the executor cannot write {path}: {error.strerror}") from error
        raise


def _write(source: Readable, path: str) -> None:
    with open(path, "wb", buffering=0) as file:
        while data := source.read(_CHUNK):
            view = memoryview(data)
            while view:
                view = view[file.write(view) :]
