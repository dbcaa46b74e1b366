"""A stub of an S3 server that costs next to nothing, or is as slow as one far away; it can fail, too.

``s3_stub.py [--port PORT] [--slow] [--fail SHARE] [--cut SHARE] [--seed NUMBER]`` prints its port.
``GET /-/counters`` tells the requests by kind, ``DELETE /-/counters`` begins to count anew.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate

from s3_stub_objects import KEPT, PATTERN, Answer, Objects, Request, slow_down

_SLICE = 256 << 10
_TWICE = memoryview(PATTERN * 2)  # any slice of the repeated pattern is one of this
_CONTROL = "/-/counters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How the server behaves.

    :param latency: seconds until the first byte of an answer.
    :param rate: bytes per second of one connection, each way; 0: as fast as it can.
    :param fail: the share of requests that is answered 503.
    :param cut: the share of bodies that end in the middle.
    """

    latency: float = 0
    rate: float = 0
    fail: float = 0
    cut: float = 0
    seed: int = 1


class Plain:
    """A body of known length."""

    def __init__(self, length: int) -> None:
        self.left, self.size = length, length
        self._pieces: list[bytes] | None = [] if length <= KEPT else None

    def feed(self, data: memoryview) -> None:
        self.left -= len(data)
        if self._pieces is not None:
            self._pieces.append(bytes(data))

    @property
    def done(self) -> bool:
        return self.left <= 0

    @property
    def data(self) -> bytes | None:
        return None if self._pieces is None else b"".join(self._pieces)


class Chunked:
    """A body in chunks, of HTTP or of S3 (whose chunks may be signed), with or without trailers."""

    def __init__(self, sink: Callable[[memoryview], None]) -> None:
        self.done = False
        self._sink, self._line, self._left = sink, bytearray(), 0
        self._state = "size"

    def feed(self, data: memoryview) -> None:
        while data and not self.done:
            data = self._take_data(data) if self._state == "data" else self._take_line(data)

    def _take_data(self, data: memoryview) -> memoryview:
        piece = data[: self._left]
        self._sink(piece)
        self._left -= len(piece)
        if not self._left:
            self._state = "end"
        return data[len(piece) :]

    def _take_line(self, data: memoryview) -> memoryview:
        end = bytes(data[:4096]).find(b"\n") + 1
        self._line += data[: end or 4096]
        if end:
            line = bytes(self._line).strip()
            self._line.clear()
            self._end_line(line)
        return data[end or 4096 :]

    def _end_line(self, line: bytes) -> None:
        if self._state == "end":
            self._state = "size"
        elif self._state == "trailer":
            self.done = not line
        else:
            self._left = int(line.partition(b";")[0], 16)
            self._state = "data" if self._left else "trailer"


class Decoded:
    """A body in the chunks of HTTP, of S3, or the one within the other."""

    def __init__(self, request: Request) -> None:
        self.size, self._pieces = 0, list[bytes]()
        inner = Chunked(self._keep).feed if _is_signed_in_chunks(request) else self._keep
        self._length = int(request.headers.get("content-length", -1))
        self._outer = Chunked(inner)
        self._feed = self._outer.feed if self._length < 0 else inner

    def feed(self, data: memoryview) -> None:
        self._length -= len(data)
        self._feed(data)

    def _keep(self, data: memoryview) -> None:
        self.size += len(data)
        if self.size <= KEPT:
            self._pieces.append(bytes(data))

    @property
    def done(self) -> bool:
        return self._outer.done or self._length == 0

    @property
    def data(self) -> bytes | None:
        return b"".join(self._pieces) if self.size <= KEPT else None


def _is_signed_in_chunks(request: Request) -> bool:
    headers = request.headers
    return "aws-chunked" in headers.get("content-encoding", "") or headers.get(
        "x-amz-content-sha256", ""
    ).startswith("STREAMING-")


def _body_of(request: Request) -> Plain | Decoded:
    if "transfer-encoding" in request.headers or _is_signed_in_chunks(request):
        return Decoded(request)
    return Plain(int(request.headers.get("content-length", 0)))


class Server:
    """What all connections share."""

    def __init__(self, manner: Manner) -> None:
        self.manner, self.objects = manner, Objects()
        self._chance = random.Random(manner.seed)
        self._date, self._dated = "", 0.0

    def answer(self, request: Request) -> tuple[Answer, bool]:
        """Return the answer, and whether its body is cut."""
        if request.path == _CONTROL:
            return self._counters(request), False
        counters, kind = self.objects.counters, request.kind
        counters[kind] += 1
        if self.manner.fail and self._chance.random() < self.manner.fail:
            counters["failed"] += 1
            return slow_down(), False
        found = self.objects.answer(request)
        cut = kind == "get" and found.size > 1 and self._chance.random() < self.manner.cut
        counters["cut"] += cut
        return found, cut

    def date(self) -> str:
        now = time.time()
        if now - self._dated > 0.5:
            self._date, self._dated = formatdate(now, usegmt=True), now
        return self._date

    def _counters(self, request: Request) -> Answer:
        body = json.dumps(self.objects.counters).encode()
        if request.method == "DELETE":
            self.objects.counters.clear()
        return Answer("200 OK", body=body)


class Connection(asyncio.BufferedProtocol):
    """One connection, one request after the other."""

    def __init__(self, server: Server) -> None:
        self._server, self._manner = server, server.manner
        self._loop = asyncio.get_running_loop()
        self._buffer = memoryview(bytearray(_SLICE))
        self._head = bytearray()
        self._request: Request | None = None
        self._body: Plain | Decoded | None = None
        self._rest, self._left, self._cut = memoryview(b""), 0, False
        self._at: int | None = None
        self._blocked, self._due_in, self._due_out = False, 0.0, 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=0)

    def connection_lost(self, error: Exception | None) -> None:
        self._left, self._cut = 0, False

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, count: int) -> None:
        data = self._buffer[:count]
        if self._body is None:
            data = self._begin(data)
        if self._body is None:
            return
        self._body.feed(data)
        if self._body.done:
            self._finish()
        elif self._manner.rate:
            self._slow_down(len(data))

    def _begin(self, data: memoryview) -> memoryview:
        self._head += data
        end = self._head.find(b"\r\n\r\n")
        if end < 0:
            return data
        head, rest = bytes(self._head[:end]), bytes(self._head[end + 4 :])
        self._head.clear()
        self._request = Request.parse(head)
        self._body = _body_of(self._request)
        if self._request.headers.get("expect", "").lower() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return memoryview(rest)

    def _finish(self) -> None:
        asked, body = self._request, self._body
        assert asked is not None
        assert body is not None
        self._body = None
        request = Request(
            asked.method, asked.path, asked.query, asked.headers, body.size, body.data
        )
        if self._manner.latency:
            self._loop.call_later(self._manner.latency, self._answer, request)
        else:
            self._answer(request)

    def _answer(self, request: Request) -> None:
        answer, self._cut = self._server.answer(request)
        head = (
            f"HTTP/1.1 {answer.status}\r\nDate: {self._server.date()}\r\n"
            f"Content-Length: {answer.size}\r\n{answer.headers}\r\n"
        ).encode("latin-1")
        if request.method == "HEAD" or (answer.length is not None and answer.at is None):
            self._transport.write(head)
            return
        if len(answer.body) == answer.size <= _SLICE and not self._cut:
            self._transport.write(head + answer.body)
            return
        self._transport.write(head)
        self._rest, self._at = memoryview(answer.body), answer.at
        self._left = answer.size // 2 if self._cut else answer.size
        self._due_out = self._loop.time()
        self._pump()

    def _pump(self) -> None:
        while self._left and not self._blocked:
            if self._manner.rate and (now := self._loop.time()) < self._due_out:
                self._loop.call_at(self._due_out, self._pump)
                return
            piece = self._piece(min(self._left, _SLICE))
            self._left -= len(piece)
            if self._manner.rate:
                self._due_out = max(self._due_out, now - 0.01) + len(piece) / self._manner.rate
            self._transport.write(piece)
            if self._transport.is_closing():
                return  # nobody reads on
        if not self._left and self._cut:
            self._transport.close()

    def _piece(self, size: int) -> memoryview:
        if self._at is None:
            piece, self._rest = self._rest[:size], self._rest[size:]
            return piece
        at = self._at % len(PATTERN)
        self._at += size
        return _TWICE[at : at + size]

    def _slow_down(self, count: int) -> None:
        """Take no more before what has come may have come."""
        now = self._loop.time()
        self._due_in = max(self._due_in, now - 0.01) + count / self._manner.rate
        if self._due_in > now + 0.001:
            self._transport.pause_reading()
            self._loop.call_at(self._due_in, self._go_on)

    def _go_on(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def pause_writing(self) -> None:
        self._blocked = True

    def resume_writing(self) -> None:
        self._blocked = False
        self._loop.call_soon(self._pump)  # not at once: the transport is in the middle of a write


async def serve(port: int, manner: Manner) -> None:
    """Serve until the process is ended."""
    server = Server(manner)
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(
        lambda: Connection(server), "127.0.0.1", port, backlog=1024
    )
    print(listening.sockets[0].getsockname()[1], flush=True)
    await listening.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--slow", action="store_true", help="15 ms, and 80 MB/s each way")
    parser.add_argument("--fail", type=float, default=0)
    parser.add_argument("--cut", type=float, default=0)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    latency, rate = (0.015, 80e6) if given.slow else (0.0, 0.0)
    manner = Manner(latency=latency, rate=rate, fail=given.fail, cut=given.cut, seed=given.seed)
    asyncio.run(serve(given.port, manner))


if __name__ == "__main__":
    main()
