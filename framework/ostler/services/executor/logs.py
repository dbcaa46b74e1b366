"""The log of a step, on the executor's disk while it is written."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence

from ostler.errors import Unavailable
from ostler.masking import Masker
from ostler.spi.storage import Readable

from .files import TaskFiles

__all__ = ["LogFile"]

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


class LogFile:
    """The log of a step, or of the setup (None); an `Output`. Its file is made with the first byte.

    :param secrets: what must not be seen in it.
    """

    __slots__ = ("_descriptor", "_files", "_made", "_masker", "path", "step")

    def __init__(self, files: TaskFiles, step: int | None, secrets: Sequence[str] = ()) -> None:
        self.step = step
        self.path = files.log(step)
        self._files = files
        self._made = False
        self._descriptor = -1
        self._masker = Masker(secrets) if secrets else None

    @classmethod
    def found(cls, files: TaskFiles, step: int | None) -> LogFile:
        """Return a log that an earlier life of the executor may have written."""
        log = cls(files, step)
        log._made = os.path.exists(log.path)
        return log

    def write(self, data: bytes, /) -> None:
        self._append(self._masker.feed(data) if self._masker else data)

    def line(self, text: str) -> None:
        """Write a line of our own."""
        self.write(text.encode(errors="replace") + b"\n")

    def descriptor(self) -> int | None:
        return None if self._masker else self._open()

    def end(self) -> None:
        """Write what was held back: nothing more comes."""
        if self._masker:
            self._append(self._masker.flush())

    def content(self) -> tuple[Readable, int]:
        """Return all that has been written so far, and its size in bytes."""
        if not self._made:
            return io.BytesIO(), 0
        descriptor = self._open()
        size = os.fstat(descriptor).st_size
        return _Content(descriptor, size), size

    def close(self) -> None:
        """Let go of the file; it is opened again when needed. Idempotent."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _open(self) -> int:
        if self._descriptor < 0:
            try:
                self._descriptor = os.open(self.path, _FLAGS, 0o600)
            except OSError as error:
                raise _unwritable(self.path, error) from error
            if not self._made:
                self._made = True
                self._files.made(self.path)
        return self._descriptor

    def _append(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._open(), view) :]
            except OSError as error:
                raise _unwritable(self.path, error) from error


class _Content:
    """The first ``size`` bytes of an open file, whatever is appended meanwhile."""

    __slots__ = ("_descriptor", "_position", "_size")

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor, self._size, self._position = descriptor, size, 0

    def read(self, size: int = -1, /) -> bytes:
        left = self._size - self._position
        data = os.pread(self._descriptor, left if size < 0 else min(size, left), self._position)
        self._position += len(data)
        return data


def _unwritable(path: str, error: OSError) -> Unavailable:
    return Unavailable(f"the executor cannot write the log {path}: {error.strerror}")
