"""The bytes of a get: at once when they are few, by several ranges at a time when they are many."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from threading import Semaphore
from typing import Any

from ostler.errors import BadRequest, Error, Unavailable
from ostler.spi.storage import Body

from .failures import Failures

__all__ = ["CHECKSUM", "FetchRange", "Lane", "LargeBody", "SmallBody"]

CHECKSUM = "ostler-crc32"
"""The user metadata that keeps the CRC-32 of an object's bytes, in hexadecimal."""

_CHUNK = 1 << 20
_AHEAD_AFTER = 1 << 20  # who reads no further wants the beginning only

Typed = Callable[[Exception], Error]
FetchRange = Callable[[int, int], memoryview]
"""``(start, end) -> bytes`` of the version that is read; raises the errors of `ostler.errors`."""


class SmallBody(Body):
    """What one request brings; it is asked for when it is first read.

    Most objects are read by one call, whole: that goes the shortest way.

    :param result: of obstore's get; None: nothing is to be read.
    :param checksum: of all the bytes, in hexadecimal; empty: not known.
    """

    def __init__(self, result: Any, key: str, failures: Failures, checksum: str) -> None:
        self._result, self._key = result, key
        self._failures, self._checksum = failures, checksum
        self._data: bytes | None = b"" if result is None else None
        self._at = 0

    def read(self, size: int = -1, /) -> bytes:
        data = self._load() if self._data is None else self._data
        if not self._at and (size < 0 or size >= len(data)):
            self._at = len(data)
            return data
        end = len(data) if size < 0 else self._at + size
        piece = data[self._at : end]
        self._at += len(piece)
        return piece

    def close(self) -> None:
        self._result = None
        if self._data:
            self._data = b""

    def _load(self) -> bytes:
        if self._result is None:
            raise BadRequest("this body is closed: get the object again")
        try:
            data: bytes = self._result.bytes().to_bytes()
        except Exception as error:
            raise self._failures.typed(error, self._key) from error
        if self._checksum and zlib.crc32(data) != int(self._checksum, 16):
            raise self._failures.damaged(self._key)
        self._data, self._result = data, None
        return data


@dataclass(frozen=True, slots=True)
class Lane:
    """What all downloads of a storage share, so that their memory is bounded together.

    :param pool: the threads that wait for ranges.
    :param ahead: parts that may be on their way, or waiting to be read, beyond one for each body.
    :param part: bytes of a range.
    """

    pool: Executor
    ahead: Semaphore
    part: int


class LargeBody(Body):
    """Many bytes: the first part as the first request brings it, then ranges, in order, several at once.

    :param result: of obstore's get, from ``start`` on.
    :param end: of the range that is read; excluded.
    """

    def __init__(
        self, result: Any, start: int, end: int, typed: Typed, fetch: FetchRange, lane: Lane
    ) -> None:
        first_end = min(end, start + lane.part)
        self._first: Iterator[Any] | None = iter(result.stream(min_chunk_size=_CHUNK))
        self._first_left = first_end - start
        self._ranges = _Ranges(first_end, end, fetch, lane)
        self._typed = typed
        self._piece, self._read = memoryview(b""), 0
        self._broken: Exception | None = None

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            return b"".join(iter(lambda: self.read(_CHUNK), b""))
        if not size:
            return b""
        if not self._piece:
            self._piece = self._next_or_broken()
        data = bytes(self._piece[:size])
        self._piece = self._piece[len(data) :]
        self._read += len(data)
        if self._read > _AHEAD_AFTER:
            self._ranges.fill()
        return data

    def close(self) -> None:
        self._first, self._first_left, self._piece = None, 0, memoryview(b"")
        self._ranges.close()

    def _next_or_broken(self) -> memoryview:
        """Return the next piece; once one failed, what follows it is never handed out."""
        if self._broken is not None:
            raise self._broken
        try:
            return self._next()
        except Exception as error:
            self._broken = error
            raise

    def _next(self) -> memoryview:
        if not self._first_left:
            return self._ranges.next()
        assert self._first is not None
        try:
            piece = memoryview(next(self._first))[: self._first_left]
        except StopIteration:
            raise Unavailable("the body of the first request ended early") from None
        except Exception as error:
            raise self._typed(error) from error
        self._first_left -= len(piece)
        if not self._first_left:
            self._first = None  # what else the first request brings is not wanted
        return piece


class _Ranges:
    """The parts after the first, fetched ahead as far as the lane has room."""

    def __init__(self, start: int, end: int, fetch: FetchRange, lane: Lane) -> None:
        self._at, self._end = start, end
        self._fetch, self._lane = fetch, lane
        self._waiting: deque[tuple[Future[memoryview], bool]] = deque()

    def fill(self) -> None:
        """Begin to fetch as much as there is room for, and one part at least."""
        while self._at < self._end:
            extra = bool(self._waiting)
            if extra and not self._lane.ahead.acquire(blocking=False):
                return
            end = min(self._end, self._at + self._lane.part)
            self._waiting.append((self._lane.pool.submit(self._fetch, self._at, end), extra))
            self._at = end

    def next(self) -> memoryview:
        """Return the next part, empty at the end."""
        if not self._waiting:
            self.fill()
        if not self._waiting:
            return memoryview(b"")
        future, extra = self._waiting.popleft()
        try:
            return future.result()
        finally:
            self._release(extra)

    def close(self) -> None:
        self._at = self._end
        while self._waiting:
            future, extra = self._waiting.pop()
            future.cancel()
            self._release(extra)

    def _release(self, extra: bool) -> None:
        if extra:
            self._lane.ahead.release()
