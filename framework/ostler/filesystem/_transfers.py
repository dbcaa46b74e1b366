"""Files of this machine into objects, and back."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from fsspec.callbacks import Callback

from ostler.clock import SystemClock
from ostler.spi.storage import Readable

__all__ = ["Reported", "copy", "replaced", "size_of"]

_PIECE = 1 << 20


class Reported:
    """A file that tells a callback how far it was read; it can be rewound, for a retry."""

    def __init__(self, file: BinaryIO, callback: Callback) -> None:
        self._file, self._callback = file, callback
        self.seekable, self.tell = file.seekable, file.tell

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(size)
        self._callback.relative_update(len(data))
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        at = self._file.seek(offset, whence)
        self._callback.absolute_update(at)
        return at


def size_of(file: BinaryIO) -> int | None:
    """Return the size of a regular file in bytes; None for anything else, where it says nothing."""
    status = os.fstat(file.fileno())
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def copy(source: Readable, target: BinaryIO, callback: Callback) -> None:
    """Write all that ``source`` yields, and tell the callback how far it is."""
    while data := source.read(_PIECE):
        target.write(data)
        callback.relative_update(len(data))


@contextmanager
def replaced(path: str) -> Iterator[BinaryIO]:
    """Open a file that takes the place of ``path`` when the block ends well, and else is gone.

    Directories on the way are made, and the mode of a file that exists is
    kept. What exists and is no regular file of its own, as a device or a link,
    is written where it stands.
    """
    folder, name = os.path.split(path)
    os.makedirs(folder or ".", exist_ok=True)
    mode = os.lstat(path).st_mode if os.path.lexists(path) else None
    if mode is not None and not stat.S_ISREG(mode):
        with open(path, "wb") as file:
            yield file
        return
    part = os.path.join(folder, f".{name[:50]}.{SystemClock().new_id()}.part")
    try:
        with open(part, "xb") as file:
            if mode is not None:
                os.chmod(part, stat.S_IMODE(mode))
            yield file
        os.replace(part, path)
    finally:
        with suppress(FileNotFoundError):  # as when it has taken its place
            os.unlink(part)
