"""One connection to one member."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import grpc
from grpc import experimental

from .methods import Method
from .settings import EtcdSettings

__all__ = ["Gone", "Link", "Metadata", "Stream", "credentials"]

Q = TypeVar("Q")
A = TypeVar("A")
Metadata = tuple[tuple[str, str], ...]

_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.enable_http_proxy", 0),
    ("grpc.enable_retries", 0),  # we know better what may be done twice
    ("grpc.use_local_subchannel_pool", 1),  # a new link is a new connection
    ("grpc.max_receive_message_length", -1),
    ("grpc.http2.max_pings_without_data", 0),  # a watch is silent for hours
    ("grpc.http2.bdp_probe", 0),  # a ping for each answer; instead, a window that is large enough
    ("grpc.http2.lookahead_bytes", 1 << 20),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # The thread that reads a stream polls for it; else one more thread would, and wake it.
    (experimental.ChannelOptions.SingleThreadedUnaryStream, 1),
)


class Gone(Exception):
    """The link was retired meanwhile: take the one that replaced it. Nothing was sent."""


class Stream:
    """Answers that arrive one by one. One thread reads it; any thread may cancel it."""

    def __init__(self, link: Link, call: Any) -> None:
        self.link, self._call = link, call

    def __iter__(self) -> Iterator[Any]:
        """Yield the answers.

        :raises grpc.RpcError: the connection was lost, the server ended it, or it was cancelled.
        """
        return iter(self._call)

    def cancel(self) -> None:
        """End it: who reads gets an error. Idempotent."""
        self._call.cancel()
        self.link.forget(self)


class Link:
    """A channel to one member: gRPC connects it when it is used, and anew when it was lost.

    :param address: ``host:port``.
    :param secure: None: no TLS.
    """

    def __init__(
        self, address: str, settings: EtcdSettings, secure: grpc.ChannelCredentials | None
    ) -> None:
        self.address = address
        options = _options(settings)
        self._channel = (
            grpc.insecure_channel(address, options)
            if secure is None
            else grpc.secure_channel(address, secure, options)
        )
        self._timeout = settings.request_timeout
        self._calls: dict[Method[Any, Any], Callable[..., Any]] = {}
        self._lock = threading.Lock()
        self._running = 0
        self._retired = False
        self._streams: tuple[Stream, ...] = ()

    def call(self, method: Method[Q, A], request: Q, metadata: Metadata) -> A:
        """Send a request and return the answer.

        :raises grpc.RpcError: it failed, or no answer came in time.
        :raises Gone: the link was retired before.
        """
        self._begin()
        try:
            call = self._calls.get(method) or self._prepare(method)
            answer: A = call(request, timeout=self._timeout, metadata=metadata)
            return answer
        except ValueError as error:  # gRPC's word for: closed before anything was sent
            if self._retired:
                raise Gone from error
            raise
        finally:
            self._end()

    def stream(self, method: Method[Q, Any], request: Q, metadata: Metadata) -> Stream:
        """Send a request and return its answers, to be cancelled.

        :raises Gone: the link was retired before.
        """
        with self._lock:
            if self._retired:
                raise Gone
            call = self._channel.unary_stream(
                method.path,
                request_serializer=method.encode,
                response_deserializer=method.decode,
            )
            stream = Stream(self, call(request, metadata=metadata))
            self._streams += (stream,)
            return stream

    def forget(self, stream: Stream) -> None:
        """Keep this stream in mind no more."""
        with self._lock:
            self._streams = tuple(each for each in self._streams if each is not stream)

    def retire(self) -> None:
        """Begin nothing more, end the streams, and close as soon as the last call is over."""
        with self._lock:
            self._retired = True
        for stream in self._streams:
            stream.cancel()
        self._close_when_done()

    def close(self) -> None:
        """End all of it at once. Idempotent."""
        self.retire()
        self._channel.close()

    def _prepare(self, method: Method[Any, Any]) -> Callable[..., Any]:
        call: Callable[..., Any] = self._channel.unary_unary(
            method.path,
            request_serializer=method.encode,
            response_deserializer=method.decode,
        )
        self._calls[method] = call
        return call

    def _begin(self) -> None:
        with self._lock:
            if self._retired:
                raise Gone
            self._running += 1

    def _end(self) -> None:
        with self._lock:
            self._running -= 1
        if self._retired:
            self._close_when_done()

    def _close_when_done(self) -> None:
        if not self._running:
            self._channel.close()


def credentials(settings: EtcdSettings) -> grpc.ChannelCredentials | None:
    """Return what TLS needs; None: no TLS.

    :raises OSError: a file cannot be read.
    """
    if not settings.tls:
        return None
    ca, key, cert = map(_content, (settings.ca, settings.key, settings.cert))
    return grpc.ssl_channel_credentials(ca, key, cert)


def _content(path: str) -> bytes | None:
    if not path:
        return None
    with open(path, "rb") as file:
        return file.read()


def _options(settings: EtcdSettings) -> tuple[tuple[str, int], ...]:
    seconds = {
        "grpc.keepalive_time_ms": settings.keepalive_time,
        "grpc.keepalive_timeout_ms": settings.keepalive_timeout,
        "grpc.http2.ping_timeout_ms": settings.keepalive_timeout,  # else a minute: it must expire too
        "grpc.min_reconnect_backoff_ms": settings.dial_timeout,
    }
    return _OPTIONS + tuple((name, int(value * 1000)) for name, value in seconds.items())
