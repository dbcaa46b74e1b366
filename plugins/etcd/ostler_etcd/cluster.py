"""The members as one server: a call goes to the one that answered last, and on to the next when it fails."""

from __future__ import annotations

import os
import threading
import time
from typing import TypeVar

import grpc

from ostler.errors import BadRequest, Conflict, Error, Internal

from . import wire_pb2 as wire
from .failures import is_timeout, may_try_again, token_refused, translate
from .identity import Identity
from .link import Gone, Link, Stream, credentials
from .methods import RANGE, WATCH, Method
from .settings import EtcdSettings

__all__ = ["Cluster"]

Q = TypeVar("Q")
A = TypeVar("A")

_PAUSE = 0.1
"""Seconds between two rounds over the members when none could be reached."""


class Cluster:
    """Links to the members, made when used. Usable from many threads, by the process that made it.

    :raises BadRequest: a certificate or key cannot be read.
    """

    def __init__(self, settings: EtcdSettings) -> None:
        self._settings = settings
        try:
            self._secure = credentials(settings)
        except OSError as error:
            raise BadRequest(
                f"{error.filename!r} cannot be read: {error.strerror}; check ca, cert and key"
            ) from error
        self._identity = Identity(settings)
        self._process = os.getpid()
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._number = 0
        self._link = self._new_link()

    @property
    def inherited(self) -> bool:
        """Whether this is a child of the process that made it: it is of no use then."""
        return self._process != os.getpid()

    def check(self) -> None:
        """Refuse to go on after `close`, or in a process that inherited the store by a fork.

        :raises Conflict: it was closed (code ``"closed"``).
        :raises Internal: it was opened before the fork (code ``"forked"``).
        """
        if self.inherited:
            raise Internal(
                f"{self._name} was opened before this process was forked: open it again in the child",
                code="forked",
            )
        if self._closing.is_set():
            raise Conflict(f"{self._name} was closed: open it again", code="closed")

    def call(self, method: Method[Q, A], request: Q, *, once: bool = False) -> A:
        """Send a request to a member and return the answer.

        Asks the next member, for at most ``dial_timeout``, when nothing was done; reads are
        repeated also when the connection was lost.

        :param once: must not be done twice.
        :raises Unknown: it may have been done, and ``once`` is set.
        :raises Error: otherwise what `translate` makes of it.
        """
        until, asked = 0.0, 0
        while True:
            self.check()
            link = self._link
            try:
                return self._attempt(link, method, request)
            except Gone:
                continue
            except grpc.RpcError as error:
                failure = error
            asked, until = asked + 1, until or time.monotonic() + self._settings.dial_timeout
            self._blame(link, failure)
            if not may_try_again(failure, once=once) or not self._may_go_on(asked, until):
                if not once:
                    self.check()  # closing ends the calls that are under way
                raise translate(failure, link.address, once=once) from failure

    def header(self, key: bytes) -> wire.ResponseHeader:
        """Return what the cluster, not merely a member, says of itself now.

        :param key: one that may be read.
        """
        return self.call(RANGE, wire.RangeRequest(key=key, count_only=True)).header

    def watch(self, request: wire.WatchRequest) -> Stream:
        """Open a watch at the member that answered last."""
        while True:
            self.check()
            link = self._link
            try:
                return link.stream(WATCH, request, self._identity.metadata(link))
            except Gone:
                continue
            except grpc.RpcError as error:
                raise translate(error, link.address) from error

    def broken(self, stream: Stream, error: grpc.RpcError) -> Error:
        """Return the typed error for a stream that ended; the next one is opened elsewhere."""
        self._blame(stream.link, error)
        return translate(error, stream.link.address)

    def close(self) -> None:
        """Close the links. Idempotent."""
        with self._lock:
            self._closing.set()
        self._link.close()

    @property
    def _name(self) -> str:
        return f"the connection to etcd at {', '.join(self._settings.endpoints)}"

    def _attempt(self, link: Link, method: Method[Q, A], request: Q) -> A:
        metadata = self._identity.metadata(link)
        try:
            return link.call(method, request, metadata)
        except grpc.RpcError as error:
            if not (self._identity.renewable and token_refused(error)):
                raise
            return link.call(method, request, self._identity.renew(metadata, link))

    def _blame(self, link: Link, error: grpc.RpcError) -> None:
        """Leave a member that does not answer, unless another thread has done so."""
        if not (is_timeout(error) or may_try_again(error, once=False)):
            return
        with self._lock:
            if link is not self._link or self._closing.is_set():
                return
            if len(self._settings.endpoints) == 1 and not is_timeout(error):
                return  # the channel connects again by itself
            self._number = (self._number + 1) % len(self._settings.endpoints)
            self._link = self._new_link()
        link.retire()

    def _may_go_on(self, asked: int, until: float) -> bool:
        if asked % len(self._settings.endpoints):
            return True
        return time.monotonic() < until and not self._closing.wait(_PAUSE)

    def _new_link(self) -> Link:
        return Link(self._settings.endpoints[self._number], self._settings, self._secure)
