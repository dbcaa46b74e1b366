from __future__ import annotations

import socket
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from hashlib import sha256

import pytest

from ostler.errors import BadRequest
from ostler.testing.faults import (
    CutBody,
    CutRequest,
    Delay,
    Duplicate,
    Exchange,
    Fault,
    FaultProxy,
    LoseAnswer,
    Reset,
    Status,
    always,
    first,
    s3_error,
)

from .plain_server import PIECE, PlainServer, Reply, ask, connect, receive, receive_until

GET, PUT = "GET /size/1000 HTTP/1.1", "PUT /key HTTP/1.1"


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[PlainServer, FaultProxy]]:
    with PlainServer() as server, FaultProxy(server.url) as proxy:
        yield server, proxy


@pytest.fixture
def server(pair: tuple[PlainServer, FaultProxy]) -> PlainServer:
    pair[0].received.clear()
    return pair[0]


@pytest.fixture
def proxy(pair: tuple[PlainServer, FaultProxy], server: PlainServer) -> FaultProxy:
    pair[1].plan = None
    pair[1].log.clear()
    return pair[1]


def bytes_of(size: int) -> bytes:
    return (PIECE * (size // len(PIECE) + 1))[:size]


# What is let through


TARGETS = (
    "/b/%41 /b/A /b/a%2Fb /b/a%2fb /b/q%3FversionId%3D1 /b/q?versionId=1 /b/a+b /b/a%20b /b/a%2Bb "
    "/b/%C3%A9 //b//x/ /b/../c /b/./d /b/~%7E /b? /b?prefix=a%2Fb&delimiter=/ /b?b=2&a=1&b=%31&c "
    "/b/*'();:@&=$,!#"
)


@pytest.mark.parametrize("target", TARGETS.split())
def test_targets_are_not_touched(server: PlainServer, proxy: FaultProxy, target: str) -> None:
    assert ask(proxy.url, f"GET {target} HTTP/1.1").status == 200
    assert server.lines() == [f"GET {target} HTTP/1.1"]
    assert [each.request.target for each in proxy.log.records] == [target]


def test_headers_are_not_touched(server: PlainServer, proxy: FaultProxy) -> None:
    odd = "X-UPPER: A, b\nx-lower:  c \nAccept-Encoding: identity\nx-lower: again"
    reply = ask(proxy.url, f"GET /key HTTP/1.1\n{odd}")
    assert server.received[0].headers == [
        ("Host", proxy.url.removeprefix("http://")),  # is moved to the front, where it belongs
        ("X-UPPER", "A, b"),
        ("x-lower", "c"),
        ("Accept-Encoding", "identity"),
        ("x-lower", "again"),
        ("Connection", "close"),
    ]
    assert b"X-Odd-Case: kept" in reply.head
    assert reply.body == b"done 1"


@pytest.mark.parametrize("size", [0, 1, 65_536, 1_000_000])
def test_bodies_are_not_touched(server: PlainServer, proxy: FaultProxy, size: int) -> None:
    assert ask(proxy.url, PUT, bytes_of(size)).status == 200
    assert (server.received[0].size, server.received[0].digest) == (
        size,
        sha256(bytes_of(size)).hexdigest(),
    )
    assert ask(proxy.url, f"GET /size/{size} HTTP/1.1").body == bytes_of(size)


def test_a_body_in_chunks(server: PlainServer, proxy: FaultProxy) -> None:
    with connect(proxy.url) as connection:
        connection.sendall(
            b"PUT /key HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
            b"5\r\nhello\r\n6\r\n there\r\n0\r\n\r\n"
        )
        assert receive(connection).status == 200
    assert server.received[0].digest == sha256(b"hello there").hexdigest()


def test_an_answer_in_chunks(proxy: FaultProxy) -> None:
    reply = ask(proxy.url, "GET /chunked/100 HTTP/1.1")
    assert b"transfer-encoding: chunked" in reply.head.lower()
    assert reply.body == b"64\r\n" + bytes_of(100) + b"\r\n0\r\n\r\n"


def test_head(proxy: FaultProxy) -> None:
    reply = ask(proxy.url, "HEAD /size/1000 HTTP/1.1")
    assert b"Content-Length: 1000" in reply.head
    assert reply.body == b""


def test_a_connection_is_kept(server: PlainServer, proxy: FaultProxy) -> None:
    with connect(proxy.url) as connection:
        for number in range(1, 4):
            connection.sendall(
                f"PUT /{number} HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab".encode()
            )
            assert receive_until(connection, b"done %d" % number).startswith(b"HTTP/1.1 200 ")
    assert proxy.log.count("PUT", faulty=False) == 3


def expecting(proxy: FaultProxy, target: str) -> tuple[bytes, Callable[[bytes], Reply]]:
    """Send a head that waits to be told to go on; return the first that comes, and what sends the body."""
    connection = connect(proxy.url)
    connection.sendall(
        f"PUT {target} HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n"
        "Expect: 100-continue\r\nConnection: close\r\n\r\n".encode()
    )
    said = connection.recv(1 << 16)

    def go_on(body: bytes) -> Reply:
        with connection:
            if body:
                connection.sendall(body)
            return receive(connection)

    return said, go_on


def test_expect_continue(server: PlainServer, proxy: FaultProxy) -> None:
    said, go_on = expecting(proxy, "/key")
    assert said.startswith(b"HTTP/1.1 100 ")
    assert go_on(b"hello").status == 200
    assert server.received[0].digest == sha256(b"hello").hexdigest()
    assert ("Expect", "100-continue") in server.received[0].headers


def test_expect_continue_refused(server: PlainServer, proxy: FaultProxy) -> None:
    said, go_on = expecting(proxy, "/refuse")
    assert said.startswith(b"HTTP/1.1 403 ")
    assert go_on(b"").ended == "closed"
    server.await_requests(1)  # it notes the request behind its answer
    assert server.received[0].size == 0


def test_expect_continue_and_a_fault(server: PlainServer, proxy: FaultProxy) -> None:
    proxy.plan = always(s3_error("SlowDown"))
    said, go_on = expecting(proxy, "/key")
    assert said.startswith(b"HTTP/1.1 503 ")
    assert go_on(b"").ended == "closed"
    assert server.received == []


def test_a_refusal_before_the_body_is_read(server: PlainServer, proxy: FaultProxy) -> None:
    assert ask(proxy.url, "PUT /refuse HTTP/1.1", bytes_of(3_000_000)).status == 403
    server.await_requests(1)


def test_what_the_server_breaks_off_is_broken_off(proxy: FaultProxy) -> None:
    reply = ask(proxy.url, "GET /break HTTP/1.1")
    assert (reply.body, reply.ended) == (b"done 1", "reset")


def test_a_server_that_is_not_there(proxy: FaultProxy) -> None:
    with FaultProxy("http://127.0.0.1:1") as proxy:
        assert ask(proxy.url, GET) == Reply(b"", "reset")


def test_an_old_client_is_told(server: PlainServer, proxy: FaultProxy) -> None:
    reply = ask(proxy.url, "GET /key HTTP/1.0")
    assert (reply.status, reply.body) == (505, b"this proxy speaks HTTP/1.1 only\n")
    assert server.received == []


# The faults


def test_status(server: PlainServer, proxy: FaultProxy) -> None:
    proxy.plan = always(Status(500, b"oh", headers={"Retry-After": "1"}))
    reply = ask(proxy.url, PUT, bytes_of(200_000))
    assert (reply.status, reply.body, reply.ended) == (500, b"oh", "closed")
    assert b"Retry-After: 1" in reply.head
    assert server.received == []
    assert proxy.log.count("PUT", "^/key$", fault=Status) == 1


@pytest.mark.parametrize(
    ("code", "status"), [("SlowDown", 503), ("InternalError", 500), ("RequestTimeout", 400)]
)
def test_s3_error(proxy: FaultProxy, code: str, status: int) -> None:
    proxy.plan = always(s3_error(code))
    reply = ask(proxy.url, GET)
    assert (reply.status, f"<Code>{code}</Code>" in reply.body.decode()) == (status, True)
    assert ask(proxy.url, "HEAD /key HTTP/1.1").body == b""


def test_a_connection_is_kept_after_a_status(server: PlainServer, proxy: FaultProxy) -> None:
    proxy.plan = first(1, Status(503))
    with connect(proxy.url) as connection:
        request = b"PUT /key HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab"
        connection.sendall(request)
        assert receive_until(connection, Status(503).body).startswith(b"HTTP/1.1 503 ")
        connection.sendall(request)
        assert receive_until(connection, b"done 1").startswith(b"HTTP/1.1 200 ")


def test_reset(server: PlainServer, proxy: FaultProxy) -> None:
    proxy.plan = always(Reset())
    assert ask(proxy.url, PUT, bytes_of(10)) == Reply(b"", "reset")
    assert server.received == []
    assert proxy.log.records[0].forwarded == 0


def test_lose_answer(server: PlainServer, proxy: FaultProxy) -> None:
    proxy.plan = always(LoseAnswer())
    assert ask(proxy.url, PUT, bytes_of(10)) == Reply(b"", "reset")
    assert [each.complete for each in server.await_requests(1)] == [True]


@pytest.mark.parametrize(("at", "size"), [(0.5, 500), (0.0, 0), (1.0, 999), (7, 7), (5000, 999)])
@pytest.mark.parametrize(("reset", "ended"), [(True, "reset"), (False, "closed")])
def test_cut_body(proxy: FaultProxy, at: float, size: int, reset: bool, ended: str) -> None:
    proxy.plan = always(CutBody(at, reset=reset))
    reply = ask(proxy.url, GET)
    assert (reply.body, reply.ended) == (bytes_of(1000)[:size], ended)
    assert b"Content-Length: 1000" in reply.head


@pytest.mark.parametrize(("reset", "ended"), [(True, "reset"), (False, "closed")])
def test_cut_chunks(proxy: FaultProxy, reset: bool, ended: str) -> None:
    proxy.plan = always(CutBody(10, reset=reset))
    reply = ask(proxy.url, "GET /chunked/100 HTTP/1.1")
    assert (reply.body, reply.ended) == (b"a\r\n" + bytes_of(10) + b"\r\n", ended)


@pytest.mark.parametrize("line", ["HEAD /size/1000 HTTP/1.1", "GET /size/0 HTTP/1.1"])
def test_no_body_is_not_cut(proxy: FaultProxy, line: str) -> None:
    proxy.plan = always(CutBody())
    reply = ask(proxy.url, line)
    assert (reply.status, reply.ended) == (200, "closed")
    assert proxy.log.count(faulty=True) == 0


@pytest.mark.parametrize(("at", "size"), [(0.5, 100_000), (7, 7), (1.0, 199_999)])
def test_cut_request(server: PlainServer, proxy: FaultProxy, at: float, size: int) -> None:
    proxy.plan = always(CutRequest(at))
    assert ask(proxy.url, PUT, bytes_of(200_000)) == Reply(b"", "reset")
    received = server.await_requests(1)[0]
    assert received.size <= size
    assert not received.complete


def test_no_request_body_is_not_cut(proxy: FaultProxy) -> None:
    proxy.plan = always(CutRequest())
    assert ask(proxy.url, GET).body == bytes_of(1000)
    assert proxy.log.count(faulty=True) == 0


@pytest.mark.parametrize("answer", [1, 2])
@pytest.mark.parametrize("size", [0, 10, 3_000_000])
def test_duplicate(server: PlainServer, proxy: FaultProxy, answer: int, size: int) -> None:
    proxy.plan = always(Duplicate(answer=answer))
    assert ask(proxy.url, PUT, bytes_of(size)).body == b"done %d" % answer
    assert [each.size for each in server.received] == [size, size]
    assert len({each.digest for each in server.received}) == 1
    assert proxy.log.records[0].forwarded == 2


def test_delay_before_the_answer(proxy: FaultProxy) -> None:
    proxy.plan = always(Delay(0.3))
    began = time.monotonic()
    with connect(proxy.url) as connection:
        connection.sendall(b"GET /size/1000 HTTP/1.1\r\nHost: h\r\n\r\n")
        connection.recv(1)
        assert time.monotonic() - began >= 0.3


def test_delay_within_the_body(proxy: FaultProxy) -> None:
    proxy.plan = always(Delay(0.3, at=0.5))
    with connect(proxy.url) as connection:
        connection.sendall(b"GET /size/1000 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        began = time.monotonic()
        data = receive_until(connection, bytes_of(1000)[:500])
        half = time.monotonic() - began
        rest = receive(connection).data
    assert data.partition(b"\r\n\r\n")[2] + rest == bytes_of(1000)
    assert time.monotonic() - began >= 0.3 > half


def test_leaving_the_proxy_waits_for_nobody(server: PlainServer) -> None:
    with FaultProxy(server.url, always(Delay(3600))) as proxy:
        connection = connect(proxy.url)
        connection.sendall(b"GET /size/1000 HTTP/1.1\r\nHost: h\r\n\r\n")
        server.await_requests(1)
    with connection:
        assert receive(connection).ended == "reset"


class Ended(Delay):
    """Notes that it was ended."""

    async def happen(self, exchange: Exchange) -> None:
        try:
            await super().happen(exchange)
        finally:
            ENDED.set()


ENDED = threading.Event()


def test_a_client_that_leaves_ends_its_exchange(server: PlainServer, proxy: FaultProxy) -> None:
    proxy.plan = always(Ended(3600))
    with connect(proxy.url) as connection:
        connection.sendall(b"GET /size/1000 HTTP/1.1\r\nHost: h\r\n\r\n")
        server.await_requests(1)
    assert ENDED.wait(20)


class Teapot(Fault):
    async def happen(self, exchange: Exchange) -> None:
        if "tea" not in exchange.request.target:
            raise ValueError("no tea")
        exchange.inject(self)
        await exchange.answer(418, {"x-pot": "short"}, b"stout")


def test_a_fault_of_ones_own(proxy: FaultProxy) -> None:
    proxy.plan = always(Teapot())
    reply = ask(proxy.url, "GET /tea HTTP/1.1")
    assert (reply.status, reply.body) == (418, b"stout")
    assert proxy.log.faults() == {"Teapot": 1}


def test_what_a_fault_raises_comes_out(server: PlainServer) -> None:
    with (
        pytest.raises(ValueError, match="no tea"),
        FaultProxy(server.url, always(Teapot())) as proxy,
    ):
        assert ask(proxy.url, "GET /coffee HTTP/1.1").ended == "reset"


class Telling(Fault):
    """Answers whether the connection sends small pieces at once."""

    async def happen(self, exchange: Exchange) -> None:
        connection = exchange._connection.transport.get_extra_info("socket")  # type: ignore[attr-defined]
        told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        await exchange.answer(200, {}, b"%d" % bool(told))


def test_no_answer_waits_for_an_acknowledgement(proxy: FaultProxy) -> None:
    """An answer of two pieces takes 40 ms more without TCP_NODELAY, which asyncio does not always set."""
    proxy.plan = always(Telling())
    assert ask(proxy.url, GET).body == b"1"


# Memory


def test_memory_is_bounded(proxy: FaultProxy) -> None:
    """64 MiB up, down, and twice over take no more than some pieces."""
    size = 64 << 20
    tracemalloc.start()
    try:
        for plan in (None, always(Duplicate())):
            proxy.plan = plan
            assert _send(proxy, size).startswith(b"HTTP/1.1 200 ")
            assert _receive(proxy, size) > size
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20


def _send(proxy: FaultProxy, size: int) -> bytes:
    with connect(proxy.url) as connection:
        connection.sendall(
            f"PUT /key HTTP/1.1\r\nHost: h\r\nContent-Length: {size}\r\n\r\n".encode()
        )
        for _ in range(size // len(PIECE)):
            connection.sendall(PIECE)
        return connection.recv(1 << 16)


def _receive(proxy: FaultProxy, size: int) -> int:
    with connect(proxy.url) as connection:
        head = f"GET /size/{size} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode())
        total = 0
        while piece := connection.recv(1 << 16):
            total += len(piece)
        return total


# What is told


@pytest.mark.parametrize("url", ["https://127.0.0.1:1", "127.0.0.1:9000", "http://", "http://h/b"])
def test_a_wrong_url(url: str) -> None:
    with pytest.raises(BadRequest, match="http://host:port"):
        FaultProxy(url)


def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("app", "serving", "upstream"):
        monkeypatch.delitem(sys.modules, f"ostler.testing.faults.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "h11", None)
    with pytest.raises(BadRequest, match=r"h11.*pip install 'ostler\[testing\]'"):
        FaultProxy("http://127.0.0.1:1")
