"""The bytes of a `get`, which go on after a broken connection."""

from __future__ import annotations

from collections.abc import Callable

from ostler.errors import BadRequest, Error, Unavailable
from ostler.spi.storage import Body, ObjectInfo

from .guard import Guard

__all__ = ["ObjectBody"]

_PIECE = 1 << 20


class ObjectBody(Body):
    """One version of an object, or a range of it, read from front to back.

    When the driver's body breaks off, it is opened again where it broke, as
    long as the object's etag is the same. Use it in a ``with`` statement, or
    close it.

    :param info: the object, whole, also when a range is read.
    :param reopen: ``(start, end) -> (info, body)``, for a body that broke.
    """

    def __init__(
        self,
        info: ObjectInfo,
        body: Body,
        start: int,
        end: int | None,
        reopen: Callable[[int, int], tuple[ObjectInfo, Body]],
        guard: Guard,
    ) -> None:
        self.info = info
        self._body, self._reopen, self._guard = body, reopen, guard
        self._end = info.size if end is None or end > info.size else end
        self._at = start
        self._closed = False

    def read(self, size: int = -1, /) -> bytes:
        """Return up to ``size`` bytes, all that is left when negative, ``b""`` at the end.

        :raises Unavailable: it broke off and could not be opened again; code
            ``"changed"`` when that is because the object is another one now.
        """
        if size < 0:
            return self._read_all()
        if self._closed:
            raise BadRequest(f"the body of {self.info.key!r} is closed: get the object again")
        try:
            data = self._read_once(size)
        except Exception as error:
            data = self._resume(error, size)
        self._at += len(data)
        return data

    def close(self) -> None:
        self._closed = True
        self._body.close()

    def _read_all(self) -> bytes:
        """In pieces, so that what has arrived is not asked for again when the rest breaks off."""
        first = self.read(min(_PIECE, max(1, self._end - self._at)))
        if self._at >= self._end:
            return first
        pieces = [first]
        while piece := self.read(_PIECE):
            pieces.append(piece)
        return b"".join(pieces)

    def _read_once(self, size: int) -> bytes:
        data = self._body.read(size)
        if not data and size and self._at < self._end:
            raise Unavailable(
                f"{self._guard.name} ended the body of {self.info.key!r} at byte {self._at} "
                f"of {self._end}"
            )
        return data

    def _resume(self, error: Exception, size: int) -> bytes:
        first = self._guard.typed("read", self.info.key, error)

        def again() -> bytes:
            try:
                self._open_again(first)
                return self._read_once(size)
            except Exception as error:
                typed = self._guard.typed("read", self.info.key, error)
                if typed is error:
                    raise
                raise typed from error

        return self._guard.retries().run(again, first, _may_go_on)

    def _open_again(self, reason: Error) -> None:
        self._body.close()
        info, self._body = self._reopen(self._at, self._end)
        if info.etag is None or info.etag != self.info.etag:
            raise Unavailable(
                f"{self.info.key!r} was replaced while it was read, after byte {self._at}: "
                "get it again from the start",
                code="changed",
            ) from reason


def _may_go_on(error: Error) -> bool:
    return error.code != "changed"
