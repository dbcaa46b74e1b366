"""The application: asks the plan, and lets happen what it says."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import h11

from .exchange import Connection, Exchange, Receive, Send
from .kinds import Fault, Status
from .log import Log, Record, Request
from .plans import Plan
from .upstream import Address

__all__ = ["EXTENSION", "FaultApp"]

EXTENSION = "ostler.faults"
"""The extension of the scope with the connection and the head of the request, which ASGI hides."""


class _NoFault(Fault):
    async def happen(self, exchange: Exchange) -> None:
        await exchange.relay(await exchange.forward())


_NO_FAULT = _NoFault()
_TOO_OLD = Status(505, b"this proxy speaks HTTP/1.1 only\n")


class FaultApp:
    """An ASGI application in front of the server at ``address``.

    :param plan: may be replaced at any time.
    """

    def __init__(self, address: Address, plan: Plan | None) -> None:
        self.plan, self.log = plan, Log()
        self.error: Exception | None = None
        self._address = address

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        connection, head = scope["extensions"][EXTENSION]
        record = Record(_request(head))
        self.log.records.append(record)
        exchange = Exchange(head, record, self._address, connection, receive, send)
        try:
            fault = self._fault_for(head, record.request) or _NO_FAULT
            await _while_there(connection, fault.happen(exchange))
        except ConnectionError:
            await exchange.reset()  # as it would be without a proxy
        except Exception as error:  # of the plan, or of a fault of somebody's own
            self.error = self.error or error
            await exchange.reset()
        finally:
            exchange.close()

    def _fault_for(self, head: h11.Request, request: Request) -> Fault | None:
        if head.http_version != b"1.1":
            return _TOO_OLD  # h11 could not send it on as it is
        return self.plan(request) if self.plan else None


async def _while_there(connection: Connection, work: Coroutine[Any, Any, None]) -> None:
    """Do ``work``, but end it when the client has gone."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(connection.lost.wait())
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        if not working.done():
            working.cancel()
        await asyncio.wait({working, leaving})
    if not working.cancelled():
        working.result()


def _request(head: h11.Request) -> Request:
    headers = tuple(
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers
    )
    return Request(head.method.decode("ascii"), head.target.decode("ascii"), headers)
