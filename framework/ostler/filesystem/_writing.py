"""A file to write: one `put`, of everything or of nothing."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from enum import Enum, auto
from typing import TYPE_CHECKING, Self

from ostler.spi.storage import Readable

from ._leaving import left_because_of
from ._pipe import Upload
from ._whole import WholeOrNothing

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = ["ObjectWriter"]

_LARGE = 1 << 16
_PIECE = 1 << 20


class _State(Enum):
    OPEN = auto()
    HELD = auto()  # closed within a transaction, which has yet to decide
    DONE = auto()


class ObjectWriter(WholeOrNothing):
    """A file that becomes an object when it is closed, and only then.

    What is smaller than a block is put at once when it is closed; more is
    streamed to the storage by a thread while it is written, and the end held
    back until then. Nothing is stored when a ``with`` block that holds it ends
    with an exception, when it is discarded, or when it is never closed.

    :param put: stores the bytes, or what it reads, under the path.
    :param block_size: bytes held before they are handed on; about two blocks
        are on their way at once.
    :param autocommit: False: closing leaves the decision to `commit` or `discard`.
    """

    def __init__(
        self,
        path: str,
        put: Callable[[bytes | Readable], object],
        *,
        mode: str = "wb",
        block_size: int,
        autocommit: bool = True,
    ) -> None:
        super().__init__()
        self.path, self.mode, self.autocommit = path, mode, autocommit
        self.blocksize = max(1, block_size)
        self._put = put
        self._blocks: list[bytes | bytearray] = []
        self._buffer, self._held, self._at = bytearray(), 0, 0
        self._upload: Upload | None = None
        self._pid = os.getpid()
        self._opened_during = sys.exception()
        self._state = _State.OPEN

    @property
    def closed(self) -> bool:
        """Whether nothing can be written any more."""
        return getattr(self, "_state", _State.DONE) is not _State.OPEN

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return not self.closed

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        return self._at

    def write(self, data: ReadableBuffer, /) -> int:
        """Take all of ``data`` and return its size in bytes. Waits while the storage is slower.

        :raises OSError: it could not be stored, what was written before included.
        """
        self._check_open()
        view = memoryview(data).cast("B")
        if isinstance(data, bytes) and len(data) >= _LARGE:
            self._cut()
            self._take(data)  # as it is: it cannot change
        else:
            self._copy(view)
        self._at += len(view)
        return len(view)

    def flush(self) -> None:
        """Do nothing: an object is stored whole or not at all."""
        self._check_open()

    def close(self) -> None:
        """Store the object; within a transaction, leave it to be stored at its end. Idempotent.

        Called because a ``with`` block fails, also by a context manager of
        someone else, it discards instead.

        :raises OSError: it could not be stored; nothing is.
        """
        if self._state is not _State.OPEN:
            return
        error = left_because_of()
        if error is not None and error is not self._opened_during:
            self.discard()
        elif self.autocommit:
            self.commit()
        else:
            self._state = _State.HELD

    def commit(self) -> None:
        """Store the object; nothing when that is done, or it was discarded.

        :raises OSError: it could not be stored; nothing is.
        """
        if self._state is _State.DONE:
            return
        self._check_process()
        blocks, upload = self._end()
        if upload is None:
            self._put(b"".join(blocks))
            return
        try:
            for block in blocks:
                upload.write(block)
            upload.end()
        finally:
            upload.abort()

    def discard(self) -> None:
        if self._state is _State.DONE:
            return
        _, upload = self._end()
        if upload is not None and os.getpid() == self._pid:
            upload.abort()

    def abandon(self) -> None:
        """Discard, and warn that the file was forgotten, and with it what was written.

        Nothing in the child of a fork: the parent has the file, and may yet store it.
        """
        if self._state is not _State.DONE and os.getpid() == self._pid:
            self.discard()
            warnings.warn(
                f"{self.path!r} was opened for writing and never closed: nothing was stored",
                RuntimeWarning,
                stacklevel=3,
            )

    def __enter__(self) -> Self:
        self._check_open()
        return self

    def __del__(self) -> None:
        if hasattr(self, "_state"):  # else making it failed
            self.abandon()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.path!r}>"

    def _copy(self, view: memoryview) -> None:
        for start in range(0, len(view), _PIECE):
            self._buffer += view[start : start + _PIECE]
            if len(self._buffer) >= min(_PIECE, self.blocksize):
                self._cut()

    def _cut(self) -> None:
        if self._buffer:
            block, self._buffer = self._buffer, bytearray()
            self._take(block)

    def _take(self, block: bytes | bytearray) -> None:
        """Hold a block, or hand it on once there are too many bytes to hold."""
        self._blocks.append(block)
        self._held += len(block)
        if self._upload is None and self._held < self.blocksize:
            return
        blocks, self._blocks = self._blocks, []
        if self._upload is None:
            self._upload = Upload(self._put, limit=2 * self.blocksize)
        for each in blocks:
            self._upload.write(each)

    def _end(self) -> tuple[list[bytes | bytearray], Upload | None]:
        # No empty block: whoever reads it would take it for the end.
        blocks = [block for block in (*self._blocks, self._buffer) if block]
        upload = self._upload
        self._blocks, self._buffer = [], bytearray()
        self._upload = self._opened_during = None
        self._state = _State.DONE
        return blocks, upload

    def _check_open(self) -> None:
        if self._state is not _State.OPEN:
            raise ValueError(f"{self.path!r} is closed for writing: open it again")
        self._check_process()

    def _check_process(self) -> None:
        if os.getpid() != self._pid:
            raise ValueError(
                f"{self.path!r} was opened for writing before this process was forked: open it here"
            )
