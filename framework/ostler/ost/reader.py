"""An object as a seekable file."""

from __future__ import annotations

import io
import os
from collections.abc import Callable

from ostler.errors import Conflict
from ostler.spi.storage import ObjectInfo

from .body import ObjectBody

__all__ = ["RangeReader"]


class RangeReader(io.RawIOBase):
    """The raw side of a seekable reader: every `readinto` is one range of the object.

    Put an `io.BufferedReader` on top: its buffer is the block that is read ahead.

    :param info: the version that is read.
    :param get: opens a range, ``(start, end)``.
    """

    def __init__(self, info: ObjectInfo, get: Callable[[int, int], ObjectBody]) -> None:
        super().__init__()
        self.info = info
        self._get = get
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = {os.SEEK_CUR: self._at, os.SEEK_END: self.info.size}.get(whence, 0)
        if base + offset < 0:
            raise ValueError(f"cannot seek to {base + offset}, before the object's first byte")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: memoryview | bytearray, /) -> int:  # type: ignore[override]
        """Fill ``buffer`` from where the reader stands, less only at the object's end.

        :raises Conflict: the object was replaced since it was opened (code ``"changed"``).
        """
        end = min(self._at + len(buffer), self.info.size)
        if end <= self._at:
            return 0
        with self._get(self._at, end) as body:
            if body.info.etag != self.info.etag:
                raise Conflict(
                    f"{self.info.key!r} was replaced while it was read: open it again",
                    code="changed",
                )
            data = body.read()
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
