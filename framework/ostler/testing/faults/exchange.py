"""One request and its answer, in the hands of a fault."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import IO, TYPE_CHECKING, Any, Protocol

from .log import Record

if TYPE_CHECKING:  # what needs h11 is imported when a proxy is made
    import h11

    from .upstream import Address, Answer

__all__ = ["Connection", "Exchange"]

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Connection(Protocol):
    """The client's connection, as far as ASGI does not show it."""

    lost: asyncio.Event

    def reset(self) -> None:
        """Reset it."""

    def hang_up(self) -> None:
        """Close it when all is sent that was written."""


class Exchange:
    """What a fault works with. Each method may be called once, unless it says more.

    :param head: the request exactly as it was received.
    """

    def __init__(
        self,
        head: h11.Request,
        record: Record,
        address: Address,
        connection: Connection,
        receive: Receive,
        send: Send,
    ) -> None:
        self.request = record.request
        self._head, self._record, self._address = head, record, address
        self._connection, self._receive, self._send = connection, receive, send
        self._begun = False
        self._answers: list[Answer] = []

    @property
    def has_body(self) -> bool:
        """Whether the request brings one."""
        length = self.request.header("content-length")
        return length not in (None, "0") or self.request.header("transfer-encoding") is not None

    def inject(self, fault: object) -> None:
        """Note in the log that the fault happens."""
        self._record.fault = fault

    async def forward(self, kept: IO[bytes] | None = None) -> Answer:
        """Send the request to the server and return its answer, the body of which is not read yet.

        :param kept: a body that `keep_body` kept, which may be sent many times.
        """
        from .upstream import call

        self._record.forwarded += 1
        body = self._body() if kept is None else _replay(kept)
        answer = await call(self._address, self._head, body)
        self._answers.append(answer)
        return answer

    async def forward_part(self, at: float) -> None:
        """Send the request as far as ``at`` of its body, and reset the server's connection."""
        from .upstream import call_in_part, offset

        self._record.forwarded += 1
        length = self.request.header("content-length")
        place = offset(at, int(length) if length else None)
        await call_in_part(self._address, self._head, self._body(place))

    async def keep_body(self, file: IO[bytes]) -> None:
        """Read the whole body of the request into ``file``."""
        async for piece in self._body():
            file.write(piece)

    async def relay(self, answer: Answer, upto: int | None = None) -> bool:
        """Pass the answer on, and say whether it is complete. May be called again for the rest.

        :param upto: only that many bytes of the body, and what they need before them.
        """
        from .upstream import PIECE

        close = [(b"connection", b"close")] if answer.early else []
        await self._begin(answer.status, answer.headers + close)
        left = upto
        while left is None or left > 0:
            piece = await answer.read(PIECE if left is None else min(left, PIECE))
            await self._write(piece, more=bool(piece))
            if not piece:
                return True
            left = None if left is None else left - len(piece)
        return False

    async def answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Answer in the server's stead, when the client has sent what it had to."""
        fields = [(name.encode(), value.encode()) for name, value in headers.items()]
        fields.append((b"content-length", str(len(body)).encode()))
        if self.request.header("expect") and self.has_body:
            # The body was not asked for, and may never come.
            fields.append((b"connection", b"close"))
        else:
            async for _piece in self._body():
                continue
        await self._begin(status, fields)
        await self._write(body, more=False)

    async def rest(self, seconds: float) -> None:
        """Let time go by."""
        await asyncio.sleep(seconds)

    async def reset(self) -> None:
        """Reset the client's connection (RST)."""
        self._connection.reset()
        await self._connection.lost.wait()

    async def hang_up(self) -> None:
        """Close the client's connection in good order, whatever is missing."""
        self._connection.hang_up()
        await self._connection.lost.wait()

    def close(self) -> None:
        """Let go of the server. Idempotent."""
        for answer in self._answers:
            answer.close()

    async def _begin(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        if not self._begun:
            self._begun, self._record.status = True, status
            await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def _write(self, piece: bytes, *, more: bool) -> None:
        await self._send({"type": "http.response.body", "body": piece, "more_body": more})

    async def _body(self, upto: int | None = None) -> AsyncIterator[bytes]:
        """Yield the body of the request as it comes, at most ``upto`` bytes of it."""
        left, more = upto, self.has_body
        while more and (left is None or left > 0):
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ConnectionError("the client has gone")
            piece, more = message.get("body", b""), message.get("more_body", False)
            yield piece[:left]
            left = None if left is None else left - len(piece)


async def _replay(file: IO[bytes]) -> AsyncIterator[bytes]:
    file.seek(0)
    while piece := file.read(1 << 16):
        yield piece
