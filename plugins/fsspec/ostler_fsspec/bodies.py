"""The bytes of a get."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ostler.errors import NotFound, Unavailable
from ostler.spi.storage import Body

from .clients import Client, Clients
from .failures import translated

__all__ = [
    "BLOCK",
    "BlockBody",
    "Fetch",
    "HandleBody",
    "changed",
    "clipped",
    "complete",
]

BLOCK = 4 << 20
"""How much is read at once where every read is a request."""

Fetch = Callable[[int, int], bytes]
"""``(start, end)``: returns these bytes of one version of an object, or raises."""


def clipped(size: int, start: int, end: int | None) -> tuple[int, int]:
    """Return the range ``start`` to ``end``, cut to an object of ``size`` bytes."""
    high = size if end is None or end > size else end
    return min(start, high), high


def changed(key: str) -> Unavailable:
    """Return the error for an object that is not any more what it was."""
    return Unavailable(
        f"{key!r} was replaced while it was read: get it again from the start", code="changed"
    )


def complete(data: bytes, size: int, key: str) -> bytes:
    """Return what was read of an object, if it is ``size`` bytes.

    :raises Unavailable: it is not.
    """
    if len(data) != size:
        raise Unavailable(f"{len(data)} bytes came of {key!r}, not {size}")
    return data


class BlockBody(Body):
    """A range that is fetched block by block.

    :param first: the first block of the range, fetched already.
    :param at: where the second block begins.
    :param end: where the range ends.
    """

    def __init__(self, fetch: Fetch, first: bytes, at: int, end: int) -> None:
        self._fetch, self._end = fetch, end
        self._block, self._used, self._at = first, 0, at

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            return _rest(self)
        if size and self._used == len(self._block) and self._at < self._end:
            stop = min(self._at + BLOCK, self._end)
            self._block, self._used = self._fetch(self._at, stop), 0
            self._at = stop
        data = self._block[self._used : self._used + size]
        self._used += len(data)
        return data

    def close(self) -> None:
        self._block, self._used, self._at = b"", 0, self._end


class HandleBody(Body):
    """A range of an open file that stays what it was when it was opened.

    :param clients: that ``client`` was taken from, and is given back to.
    :param handle: of the file, which stands where the range begins.
    :param length: of the range.
    """

    def __init__(
        self, clients: Clients, client: Client, handle: Any, length: int, key: str
    ) -> None:
        self._clients, self._client, self._handle = clients, client, handle
        self._left, self._key = length, key
        self._open = True

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            return _rest(self)
        wanted = min(size, self._left)
        if not wanted:
            return b""
        with translated(f"read {self._key!r}"):
            data: bytes = self._client.run(self._handle.read, wanted)
        if not data:
            raise Unavailable(f"the file of {self._key!r} ends {self._left} bytes early")
        self._left -= len(data)
        return data

    def close(self) -> None:
        if not self._open:
            return
        self._open, self._left = False, 0
        try:
            with translated(f"close {self._key!r}"):
                self._client.run(self._handle.close)
        except (NotFound, Unavailable):
            return  # with its connection the handle is gone as well
        finally:
            self._clients.give_back(self._client)


def _rest(body: Body) -> bytes:
    return b"".join(iter(lambda: body.read(BLOCK), b""))
