"""What a `put` reads from: sizes held to, limits kept, rewound where that is possible."""

from __future__ import annotations

import io
from typing import Any, Protocol

from ostler.errors import BadRequest, Error, Unknown
from ostler.spi.storage import Capabilities, Readable

__all__ = ["Feed", "feed_of"]


class Feed(Protocol):
    """The source of one `put`, over all its attempts."""

    size: int | None
    error: BaseException | None

    def begin(self) -> Readable:
        """Return the source as it is read by the next attempt, from its beginning."""

    def repeatable(self, error: Error) -> bool:
        """Whether another attempt may follow ``error``."""


def feed_of(
    source: bytes | bytearray | memoryview | Readable,
    size: int | None,
    capabilities: Capabilities,
    *,
    exclusive: bool,
) -> Feed:
    """Return the feed that holds ``source`` to ``size`` and to the limits of the driver.

    :param exclusive: an attempt that may have succeeded must not be repeated.
    :raises BadRequest: the size is wrong or more than the driver can store,
        or the source is nothing that can be read.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        feed: Feed = _BytesFeed(source, exclusive=exclusive)
        if size is not None and size != feed.size:
            raise _mismatch(f"{feed.size} bytes were given where {size} were announced")
    else:
        feed = _StreamFeed(source, size, _limit(size, capabilities), exclusive=exclusive)
    most = capabilities.max_object_size
    if most is not None and feed.size is not None and feed.size > most:
        raise _too_large(most)
    return feed


def _limit(size: int | None, capabilities: Capabilities) -> int | None:
    if size is not None:
        return None
    limits = [capabilities.max_object_size, capabilities.max_unknown_size]
    return min((limit for limit in limits if limit is not None), default=None)


class _BytesFeed:
    """Bytes in memory: they cannot fail and can be read again."""

    __slots__ = ("_data", "_exclusive", "error", "size")

    def __init__(self, data: bytes | bytearray | memoryview, *, exclusive: bool) -> None:
        self._data = data
        self._exclusive = exclusive
        self.size: int | None = data.nbytes if isinstance(data, memoryview) else len(data)
        self.error: BaseException | None = None

    def begin(self) -> Readable:
        return io.BytesIO(self._data)

    def repeatable(self, error: Error) -> bool:
        return not (self._exclusive and isinstance(error, Unknown))


class _StreamFeed:
    """Anything with a ``read``."""

    def __init__(
        self, source: Readable, size: int | None, limit: int | None, *, exclusive: bool
    ) -> None:
        _check_source(source, size)
        self.size = size
        self.error: BaseException | None = None
        self._source, self._limit, self._exclusive = source, limit, exclusive
        self._origin = _position(source)
        self._current: _CountingReader | None = None

    def begin(self) -> Readable:
        if self._current is not None and self._current.count:
            self._rewind()
        self._current = reader = _CountingReader(self, self._source, self.size, self._limit)
        if self.size == 0:
            reader.read(0)  # a driver need not read what is empty: see now that it is
        return reader

    def repeatable(self, error: Error) -> bool:
        if self._exclusive and isinstance(error, Unknown):
            return False
        untouched = self._current is None or self._current.count == 0
        return untouched or self._origin is not None

    def _rewind(self) -> None:
        try:
            self._source.seek(self._origin)  # type: ignore[attr-defined]
        except BaseException as error:
            self.error = error
            raise


class _CountingReader:
    """Reads ``size`` bytes, no fewer and no more; or, of unknown size, at most ``limit``."""

    def __init__(
        self, feed: _StreamFeed, source: Readable, size: int | None, limit: int | None
    ) -> None:
        self._feed, self._source = feed, source
        self._size, self._limit = size, limit
        self.count = 0

    def read(self, size: int = -1, /) -> bytes:
        try:
            return self._read_unknown(size) if self._size is None else self._read_known(size)
        except BaseException as error:
            self._feed.error = error
            raise

    def _read_unknown(self, size: int) -> bytes:
        data = self._take(size)
        if self._limit is not None and self.count > self._limit:
            raise _too_large(self._limit, unknown=True)
        return data

    def _read_known(self, size: int) -> bytes:
        assert self._size is not None
        left = self._size - self.count
        data = self._take(left if size < 0 else min(size, left)) if left else b""
        if left and size and not data:
            raise _mismatch(f"the source ended after {self.count} of {self._size} bytes")
        # The last bytes are handed out only when nothing follows them: a driver
        # that has all it was promised may store it without asking once more.
        if self.count > self._size or (self.count == self._size and self._take(1)):
            raise _mismatch(f"the source goes on after the {self._size} bytes announced")
        return data

    def _take(self, size: int) -> bytes:
        data = self._source.read(size)
        if not isinstance(data, bytes):
            raise BadRequest(f"the source's read() returned {type(data).__name__}, not bytes")
        self.count += len(data)
        return data


def _check_source(source: Any, size: int | None) -> None:
    if not callable(getattr(source, "read", None)):
        kind = type(source).__name__
        raise BadRequest(f"cannot store a {kind}: give bytes, or something with a read()")
    if size is not None and size < 0:
        raise BadRequest(f"{size} is not a size: give bytes, or None when it is unknown")


def _position(source: Any) -> int | None:
    """Return where a source that can be rewound stands; None when it cannot be."""
    try:
        return int(source.tell()) if source.seekable() else None
    except (AttributeError, OSError, ValueError):
        return None


def _mismatch(what: str) -> BadRequest:
    return BadRequest(f"{what}; nothing was stored", code="size_mismatch")


def _too_large(limit: int, *, unknown: bool = False) -> BadRequest:
    hint = ""
    if unknown:
        hint = " where the size is not told beforehand: tell it, or raise the limit in its settings"
    return BadRequest(
        f"the object is larger than the {limit} bytes that this storage takes{hint}; "
        "nothing was stored",
        code="too_large",
    )
