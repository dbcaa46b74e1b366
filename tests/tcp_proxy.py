"""A network that can be cut: a proxy for one TCP address."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Self

__all__ = ["TcpProxy"]


class TcpProxy:
    """Forwards connections from a port of its own to ``target`` (``host:port``), as long as it lets them."""

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._silent: set[socket.socket] = set()
        self._swallows = False
        self._listen(0)

    @property
    def endpoint(self) -> str:
        """``host:port`` to connect to."""
        return f"127.0.0.1:{self._port}"

    def swallow(self) -> None:
        """Let nothing through any more, and tell nobody: as when a cable is cut."""
        with self._lock:
            self._swallows = True
            self._silent |= self._sockets

    def refuse(self) -> None:
        """Reset every connection and listen no more: as when the process is gone."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for each in self._sockets:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def heal(self) -> None:
        """Serve new connections again; those that were swallowed stay dead."""
        self._swallows = False
        if self._listener.fileno() < 0:
            self._listen(self._port)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self.refuse()

    def _listen(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port), reuse_port=False)
        self._port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self._connect(client)

    def _connect(self, client: socket.socket) -> None:
        server = socket.socket()
        with self._lock:
            self._sockets |= {client, server}
            if self._swallows:
                self._silent |= {client, server}
        try:
            server.connect(self._target)
        except OSError:
            self._drop(client, server)
            return
        for each in (client, server):  # small pieces are not to wait for an acknowledgement
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                if source not in self._silent:
                    sink.sendall(data)
        self._drop(source, sink)

    def _drop(self, *sockets: socket.socket) -> None:
        with self._lock:
            for each in sockets:
                # Closing alone would not wake the thread that receives.
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()
                self._sockets.discard(each)
