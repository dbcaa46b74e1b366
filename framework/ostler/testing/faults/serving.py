"""The application on uvicorn, with what ASGI does not give it."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from .app import EXTENSION, FaultApp
from .sockets import close_hard

__all__ = ["Serving"]

_PATIENCE = 30.0


class _Http(h11.Connection):
    """Remembers the head of the request: uvicorn decodes it, and loses what was not decoded."""

    head: h11.Request

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        event = super().next_event()
        if isinstance(event, h11.Request):
            self.head = event
        return event


class _Protocol(H11Protocol):
    """uvicorn's, which hands its connection to the application."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.conn: _Http = _Http(h11.SERVER)
        self.lost = asyncio.Event()
        self._inner = self.app
        self.app = self._with_connection

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.lost.set()

    def reset(self) -> None:
        close_hard(self.transport)

    def hang_up(self) -> None:
        self.transport.close()

    async def _with_connection(self, scope: Any, receive: Any, send: Any) -> None:
        scope["extensions"] = {EXTENSION: (self, self.conn.head)}
        await self._inner(scope, receive, send)


class _Server(uvicorn.Server):
    """uvicorn's, which ends when it is told to: uvicorn itself looks ten times a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.serves = threading.Event()
        self._ending = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        self.serves.set()

    async def main_loop(self) -> None:
        await self._ending.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            close_hard(connection.transport)  # a client that stays is not waited for
        if tasks := list(self.server_state.tasks):
            await asyncio.wait(tasks)  # each ends when its connection is lost
        for server in self.servers:
            await server.wait_closed()

    def end(self) -> None:
        """Make it end; from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._ending.set)


class Serving:
    """Serves ``app`` in a thread, at a port of the loopback that is bound at once."""

    def __init__(self, app: FaultApp) -> None:
        # With the protocol told, asyncio sets TCP_NODELAY; without, each answer may take 40 ms more.
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.port: int = self._listener.getsockname()[1]
        config = uvicorn.Config(
            app,
            http=_Protocol,
            ws="none",
            lifespan="off",
            loop="asyncio",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
        )
        self._server = _Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._listener],), daemon=True
        )

    def start(self) -> None:
        """Return when it serves."""
        self._thread.start()
        if not self._server.serves.wait(_PATIENCE):
            raise RuntimeError(f"the proxy did not start within {_PATIENCE} s")

    def stop(self) -> None:
        """Reset every connection, and return when the thread has ended."""
        self._server.end()
        self._thread.join(_PATIENCE)
        if self._thread.is_alive():
            raise RuntimeError(f"the proxy did not end within {_PATIENCE} s")
