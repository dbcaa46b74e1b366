"""One request to the real server, on a connection of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import h11

from .sockets import close_hard

__all__ = ["PIECE", "Address", "Answer", "Broken", "call"]

PIECE = 1 << 16
"""Bytes that are read at once."""

_PATIENCE = 1.0
"""Seconds that a server which shall say ``100 Continue`` has to say it, before it gets the body unasked."""

_HOP_BY_HOP = {b"connection", b"keep-alive", b"transfer-encoding"}

Address = tuple[str, int]


class Broken(ConnectionError):
    """The server refused the connection, or broke it off."""


class Answer:
    """The answer of the server: its head, and a body that is read piece by piece.

    :param early: it came before the client was asked for the body of the request.
    """

    def __init__(self, wire: _Wire, head: h11.Response, length: int | None, *, early: bool) -> None:
        self.status = head.status_code
        self.headers = [
            (name, value)
            for name, value in head.headers.raw_items()
            if name.lower() not in _HOP_BY_HOP
        ]
        self.length, self.early = length, early
        self._wire, self._rest = wire, b""

    async def read(self, most: int) -> bytes:
        """Return at least one byte and at most ``most`` of the body; nothing at its end."""
        while not self._rest:
            event = await self._wire.event()
            if not isinstance(event, h11.Data):
                return b""
            self._rest = bytes(event.data)
        piece, self._rest = self._rest[:most], self._rest[most:]
        return piece

    async def drain(self) -> None:
        """Read all that is left, and close."""
        while await self.read(PIECE):
            continue
        self.close()

    def offset(self, at: float) -> int:
        """Return the place ``at`` in bytes: always before the end, where that is known."""
        return offset(at, self.length)

    def close(self) -> None:
        """Let the connection go, wherever it stands."""
        self._wire.close()


def offset(at: float, length: int | None) -> int:
    """Return ``at``, bytes or (as a float) a part of ``length``, in bytes: less than ``length``.

    A part of an unknown length is 0.
    """
    place = at if isinstance(at, int) else int(at * (length or 0))
    return place if length is None else max(0, min(place, length - 1))


async def call(address: Address, head: h11.Request, body: AsyncIterator[bytes]) -> Answer:
    """Send a request, and return its answer when the head of that has come.

    :raises Broken: there is no answer.
    """
    wire = await _connect(address)
    try:
        return await wire.call(head, body)
    except BaseException:
        wire.close()
        raise


async def call_in_part(address: Address, head: h11.Request, part: AsyncIterator[bytes]) -> None:
    """Send a request with only a part of its body, and reset the connection."""
    wire = await _connect(address)
    try:
        await wire.write(head)
        async for piece in part:
            await wire.write(h11.Data(data=piece))
    finally:
        wire.close()


async def _connect(address: Address) -> _Wire:
    try:
        reader, writer = await asyncio.open_connection(*address, limit=PIECE)
    except OSError as error:
        raise Broken(f"no connection to the server at {address}: {error}") from error
    return _Wire(reader, writer)


class _Wire:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._http = h11.Connection(h11.CLIENT)
        self._proceed = asyncio.Event()

    async def call(self, head: h11.Request, body: AsyncIterator[bytes]) -> Answer:
        await self.write(head)
        expects = any(name == b"expect" for name, _ in head.headers)
        sending = asyncio.create_task(self._send(body, _PATIENCE if expects else 0))
        try:
            answer = await self._head()
        finally:
            # A server that answers before it has it all does not want the rest.
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        length = 0 if head.method == b"HEAD" else _length(answer)
        return Answer(self, answer, length, early=expects and not self._proceed.is_set())

    async def write(self, event: h11.Event) -> None:
        try:
            self._writer.write(self._http.send(event) or b"")
            await self._writer.drain()
        except ConnectionError as error:
            raise Broken("the server closed the connection") from error

    async def event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """Return the next event of the answer."""
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                self._http.receive_data(await self._reader.read(PIECE))
        except (ConnectionError, h11.RemoteProtocolError) as error:
            raise Broken(f"the server broke off: {error}") from error
        return event

    def close(self) -> None:
        close_hard(self._writer.transport)

    async def _head(self) -> h11.Response:
        while not isinstance(event := await self.event(), h11.Response):
            if not isinstance(event, h11.InformationalResponse):
                raise Broken("the server closed the connection without an answer")
            if event.status_code == 100:
                self._proceed.set()
        return event

    async def _send(self, body: AsyncIterator[bytes], patience: float) -> None:
        if patience:
            await self._may_proceed(patience)
        self._proceed.set()
        try:
            async for piece in body:
                await self.write(h11.Data(data=piece))
            await self.write(h11.EndOfMessage())
        except ConnectionError:
            return  # the answer, or its absence, tells why

    async def _may_proceed(self, patience: float) -> None:
        try:
            await asyncio.wait_for(self._proceed.wait(), patience)
        except TimeoutError:
            return


def _length(answer: h11.Response) -> int | None:
    if answer.status_code in (204, 304):
        return 0
    return next((int(value) for name, value in answer.headers if name == b"content-length"), None)
