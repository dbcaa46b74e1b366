"""From who writes to the `put` that reads: a few blocks at a time, in a thread of its own."""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from collections.abc import Callable
from functools import partial

from ostler.spi.storage import Readable

__all__ = ["Upload"]

_PIECE = 1 << 20
_PATIENCE = 10.0


class _Discarded(Exception):
    """What the `put` gets from its source when nothing is to be stored."""


class _Pipe:
    """Blocks on their way, up to ``limit`` bytes; ``over`` as soon as the reader has ended."""

    def __init__(self, limit: int) -> None:
        self._changed = threading.Condition()
        self._limit, self._held = limit, 0
        self._blocks = deque[bytes | bytearray | memoryview]()
        self._ended = self._aborted = self._over = False
        self._error: BaseException | None = None

    def write(self, block: bytes | bytearray) -> None:
        """Hand over a block, which must not change any more; waits while enough is on its way."""
        with self._changed:
            self._changed.wait_for(lambda: self._held < self._limit or self._over)
            self._raise()
            self._blocks.append(block)
            self._held += len(block)
            self._changed.notify_all()

    def end(self) -> None:
        """Tell that nothing follows, and wait for the reader to end."""
        self._finish(aborted=False)
        self._raise()

    def abort(self, timeout: float | None = None) -> None:
        """Let the reader's next read fail, and wait for it to end, at most ``timeout`` seconds."""
        self._finish(aborted=True, timeout=timeout)

    def over(self, error: BaseException | None) -> None:
        """Tell that the reader has ended, and how."""
        with self._changed:
            self._over, self._error = True, error
            self._changed.notify_all()

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            return b"".join(iter(partial(self.read, _PIECE), b""))
        with self._changed:
            self._changed.wait_for(lambda: self._blocks or self._ended or self._aborted)
            if self._aborted:
                raise _Discarded
            return self._take(size) if self._blocks else b""

    def _take(self, size: int) -> bytes:
        block = self._blocks.popleft()
        if size < len(block):
            view = memoryview(block)
            self._blocks.appendleft(view[size:])
            block = view[:size]
        self._held -= len(block)
        self._changed.notify_all()
        return block if isinstance(block, bytes) else bytes(block)

    def _finish(self, *, aborted: bool, timeout: float | None = None) -> None:
        with self._changed:
            self._ended, self._aborted = not aborted, aborted
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._over, timeout)

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error


class Upload:
    """A `put` of unknown size, under way. One that is neither ended nor aborted is aborted at exit.

    :param put: stores what it reads from its argument, or raises.
    :param limit: bytes that may be on their way before `write` waits.
    """

    def __init__(self, put: Callable[[Readable], object], limit: int) -> None:
        self._pipe = _Pipe(limit)
        # A daemon, or the interpreter would wait at its end for a writer that is never closed.
        threading.Thread(target=_run, args=(put, self._pipe), name="ost-put", daemon=True).start()
        self._at_exit = weakref.finalize(self, _abandon, self._pipe, os.getpid())

    def write(self, block: bytes | bytearray) -> None:
        """Give it the next bytes, which must not change any more.

        :raises Exception: what the `put` raised.
        """
        self._pipe.write(block)

    def end(self) -> None:
        """Tell it that there are no more, and wait until they are stored.

        :raises Exception: what the `put` raised; nothing is stored then.
        """
        self._pipe.end()

    def abort(self) -> None:
        """Let it store nothing, and wait until it has cleaned up. Nothing once it has ended.

        What it raises is of no interest.
        """
        self._at_exit.detach()
        self._pipe.abort()


def _abandon(pipe: _Pipe, pid: int) -> None:
    # The child of a fork has neither the thread nor a lock that it could trust.
    if os.getpid() == pid:
        pipe.abort(_PATIENCE)


def _run(put: Callable[[Readable], object], pipe: _Pipe) -> None:
    try:
        put(pipe)
    except BaseException as error:
        pipe.over(error)
    else:
        pipe.over(None)
