"""An HTTP server that remembers exactly what it was sent, and a client that shows exactly what came back."""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from typing import Any

from ...http_server import HttpServer

PIECE = bytes(range(256)) * 256


@dataclass
class Received:
    """One request as it arrived; ``complete`` is False when its body broke off."""

    line: bytes
    headers: list[tuple[str, str]]
    size: int = 0
    digest: str = ""
    complete: bool = False


class PlainServer(HttpServer):
    """Answers ``GET /size/N`` with N bytes, ``/chunked/N`` in chunks, and all else with ``done N``, a count.

    ``/refuse`` is answered with 403 before its body is read, and ``/break`` with half of an answer.
    """

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.arrived = threading.Condition()
        super().__init__(type("H", (_Handler,), {"plain": self}))

    def lines(self) -> list[str]:
        return [each.line.decode() for each in self.received]

    def await_requests(self, number: int) -> list[Received]:
        """Return all requests when that many have been read, or broke off."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.received) >= number, 20)
        return self.received


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    plain: PlainServer

    def do_GET(self) -> None:
        request = Received(self.raw_requestline.rstrip(), self.headers.items())
        try:
            if self.path == "/refuse":
                self._answer()
            if "expect" not in self.headers or self.path != "/refuse":
                self._read(request)
        finally:
            with self.plain.arrived:
                self.plain.received.append(request)
                self.plain.arrived.notify_all()
        if request.complete and self.path != "/refuse":
            self._answer()

    do_PUT = do_HEAD = do_POST = do_DELETE = do_GET

    def handle_expect_100(self) -> bool:
        return self.path == "/refuse" or super().handle_expect_100()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True  # the proxy resets what it needs no more

    def _read(self, request: Received) -> None:
        digest = sha256()
        for piece in self._pieces():
            digest.update(piece)
            request.size += len(piece)
        request.digest, request.complete = digest.hexdigest(), True

    def _pieces(self) -> Any:
        if "chunked" in self.headers.get("transfer-encoding", ""):
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("content-length", 0))
        while left:
            piece = self.rfile.read1(min(left, 1 << 16))
            if not piece:
                raise ConnectionResetError("the body broke off")
            left -= len(piece)
            yield piece

    def _answer(self) -> None:
        kind, _, number = self.path.lstrip("/").partition("/")
        if kind in ("size", "chunked"):
            self._stream(int(number), chunked=kind == "chunked")
            return
        data = b"done %d" % len(self.plain.received)
        self.send_response(403 if kind == "refuse" else 200)
        self.send_header("X-Odd-Case", "kept")
        self.send_header("Content-Length", str(len(data) * (2 if kind == "break" else 1)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
        self.close_connection = kind in ("refuse", "break")

    def _stream(self, left: int, *, chunked: bool) -> None:
        self.send_response(200)
        self.send_header(
            *(("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(left)))
        )
        self.end_headers()
        if self.command == "HEAD":
            return
        while left:
            piece = PIECE[:left]
            left -= len(piece)
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
        if chunked:
            self.wfile.write(b"0\r\n\r\n")


@dataclass
class Reply:
    """What a socket saw, and how it ended: ``closed`` or ``reset``."""

    data: bytes
    ended: str
    head: bytes = field(init=False)
    body: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.head, _, self.body = self.data.partition(b"\r\n\r\n")

    @property
    def status(self) -> int:
        return int(self.head.split(b" ", 2)[1])


def ask(url: str, head: str, body: bytes = b"", *, close: bool = True) -> Reply:
    """Send a request, ``head`` without its ``Host``, and receive all that comes until the connection ends."""
    with connect(url) as connection:
        lines = [*head.splitlines(), f"Host: {url.removeprefix('http://')}"]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        if close:
            lines.append("Connection: close")
        try:
            connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        except ConnectionError:
            return Reply(b"", "reset")
        return receive(connection)


def connect(url: str) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=20)


def receive(connection: socket.socket) -> Reply:
    data = b""
    try:
        while piece := connection.recv(1 << 16):
            data += piece
    except ConnectionResetError:
        return Reply(data, "reset")
    return Reply(data, "closed")


def receive_until(connection: socket.socket, end: bytes) -> bytes:
    """Receive until what came ends so, and no longer."""
    data = b""
    while not data.endswith(end):
        piece = connection.recv(1 << 16)
        assert piece, f"closed after {data!r}"
        data += piece
    return data
