"""The faults: what may happen to a request on its way, or to its answer."""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

from .exchange import Exchange

__all__ = [
    "CutBody",
    "CutRequest",
    "Delay",
    "Duplicate",
    "Fault",
    "LoseAnswer",
    "Reset",
    "Status",
    "s3_error",
]

_IN_MEMORY = 1 << 20

_S3_ERRORS = {
    "InternalError": (500, "We encountered an internal error. Please try again."),
    "RequestTimeout": (400, "Your socket connection to the server was not read from in time."),
    "ServiceUnavailable": (503, "Please reduce your request rate."),
    "SlowDown": (503, "Please reduce your request rate."),
}


class Fault(ABC):
    """One thing that may go wrong. Subclass it for what is not here."""

    @abstractmethod
    async def happen(self, exchange: Exchange) -> None:
        """Carry the request out, or do not, and answer it, or do not.

        Call ``exchange.inject(self)`` where the request gives occasion for
        the fault, before the client can notice it; else ``exchange.relay()``.
        """


@dataclass(frozen=True, slots=True)
class Delay(Fault):
    """The answer takes its time.

    :param seconds: how long it rests, besides what the server takes.
    :param at: where in the body, in bytes or (as a float) as a part of the
        whole; None: before the first byte of the answer.
    """

    seconds: float
    at: float | None = None

    async def happen(self, exchange: Exchange) -> None:
        answer = await exchange.forward()
        exchange.inject(self)
        if self.at is None or not await exchange.relay(answer, upto=answer.offset(self.at)):
            await exchange.rest(self.seconds)
            await exchange.relay(answer)


@dataclass(frozen=True, slots=True)
class Status(Fault):
    """The server is said to answer with ``code``; it never sees the request.

    :param body: of the answer, in bytes.
    :param headers: more of them, such as ``Retry-After``.
    """

    code: int
    body: bytes = b"injected by ostler.testing.faults\n"
    content_type: str = "text/plain"
    headers: Mapping[str, str] = field(default_factory=dict)

    async def happen(self, exchange: Exchange) -> None:
        exchange.inject(self)
        headers = {"content-type": self.content_type, **self.headers}
        await exchange.answer(self.code, headers, self.body)


def s3_error(code: str, status: int = 0, message: str = "") -> Status:
    """Return a `Status` with an error document of S3.

    :param code: such as ``"SlowDown"``, ``"InternalError"``, ``"ServiceUnavailable"``
        or ``"RequestTimeout"``, which bring their status; any other needs one.
    """
    known_status, known_message = _S3_ERRORS.get(code, (0, code))
    document = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message or known_message}</Message>"
        "<RequestId>0123456789ABCDEF</RequestId></Error>"
    )
    return Status(status or known_status, document.encode(), "application/xml")


@dataclass(frozen=True, slots=True)
class Reset(Fault):
    """The connection is reset (RST) when the head of the request has come; the server never sees it."""

    async def happen(self, exchange: Exchange) -> None:
        exchange.inject(self)
        await exchange.reset()


@dataclass(frozen=True, slots=True)
class CutRequest(Fault):
    """The body of the request breaks off: both connections are reset when a part has been sent.

    :param at: how much the server gets, in bytes or (as a float) as a part of
        the whole; always less than all. A request without a body is let through.
    """

    at: float = 0.5

    async def happen(self, exchange: Exchange) -> None:
        if not exchange.has_body:
            await exchange.relay(await exchange.forward())
            return
        exchange.inject(self)
        await exchange.forward_part(self.at)
        await exchange.reset()


@dataclass(frozen=True, slots=True)
class CutBody(Fault):
    """The body of the answer breaks off.

    :param at: how much the client gets, in bytes or (as a float) as a part of
        the whole; always less than all. An answer without a body is let through.
    :param reset: True: by a reset (RST). False: the connection is closed in
        good order, only too early: less comes than ``Content-Length`` says.
    """

    at: float = 0.5
    reset: bool = False

    async def happen(self, exchange: Exchange) -> None:
        answer = await exchange.forward()
        if answer.length == 0:
            await exchange.relay(answer)
            return
        exchange.inject(self)
        if not await exchange.relay(answer, upto=answer.offset(self.at)):
            await (exchange.reset() if self.reset else exchange.hang_up())


@dataclass(frozen=True, slots=True)
class LoseAnswer(Fault):
    """The server carries the request out, and the connection is reset before a byte of its answer."""

    async def happen(self, exchange: Exchange) -> None:
        exchange.inject(self)
        await (await exchange.forward()).drain()
        await exchange.reset()


@dataclass(frozen=True, slots=True)
class Duplicate(Fault):
    """The request reaches the server twice, one after the other.

    :param answer: whether the client gets the answer of the 1st or of the 2nd.
    """

    answer: int = 2

    async def happen(self, exchange: Exchange) -> None:
        exchange.inject(self)
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as kept:
            await exchange.keep_body(kept)
            first = await exchange.forward(kept)
            if self.answer == 2:
                await first.drain()
            second = await exchange.forward(kept)
            if self.answer == 1:
                await second.drain()
            await exchange.relay(first if self.answer == 1 else second)
