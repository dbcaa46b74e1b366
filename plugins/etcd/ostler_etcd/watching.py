"""Watches: each has a stream of answers, a thread that reads it, and a place from where to go on."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

import grpc

from ostler.errors import Compacted, Error, Internal, Unavailable
from ostler.spi import Event, Watch

from . import wire_pb2 as wire
from .answers import events
from .cluster import Cluster
from .history import History
from .keys import Keys

__all__ = ["EtcdWatch"]

_AHEAD = 64
"""Answers that are kept for a slow reader; with more, etcd has to wait."""


class EtcdWatch(Watch):
    """A watch.

    :param revision: the first one to be told.
    :param closed: called once when it is closed.
    """

    def __init__(
        self,
        cluster: Cluster,
        history: History,
        keys: Keys,
        prefix: str,
        revision: int,
        closed: Callable[[EtcdWatch], None],
    ) -> None:
        self._cluster, self._history, self._keys = cluster, history, keys
        self._on_close = closed
        self._begin, self._end = keys.range(prefix)
        self._position = revision
        self._cluster_id = self._seen = 0
        self._changed = threading.Condition()
        self._answers: deque[tuple[Event, ...]] = deque()
        self._failure: Error | None = None
        self._reading = self._closed = False
        self._cancel: Callable[[], None] = lambda: None
        self._start()

    def next(self, timeout: float | None = None) -> tuple[Event, ...]:
        if self._cluster.inherited:
            self._cluster.check()
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while not (self._closed or self._answers or self._failure):
                self._start()
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return ()
                self._changed.wait(left)
            return self._take()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._cancel()
        self._on_close(self)

    def _take(self) -> tuple[Event, ...]:
        if self._closed:
            return ()
        if self._answers:
            self._changed.notify_all()
            return self._answers.popleft()
        failure, self._failure = self._failure, None
        assert failure is not None
        raise failure

    def _start(self) -> None:
        if not self._reading:
            self._reading = True
            threading.Thread(target=self._read, name="etcd-watch", daemon=True).start()

    def _read(self) -> None:
        try:
            failure = self._follow()
        except Error as error:
            failure = error
        except Exception as error:  # whoever waits must not wait for a thread that is gone
            failure = Internal(f"reading a watch of etcd failed: {error!r}")
            failure.__cause__ = error
        with self._changed:
            self._failure, self._reading = failure, False
            self._changed.notify_all()

    def _follow(self) -> Error:
        """Read a stream to its end; return why it ended."""
        self._history.refuse(self._position)
        header = self._cluster.header(self._begin)
        self._refuse_another_past(header)
        stream = self._cluster.watch(self._request())
        self._cancel = stream.cancel
        try:
            if self._closed:
                return _ended("the watch was closed")
            for answer in stream:
                self._accept(answer, header.revision)
            return _ended("the server ended the watch")
        except grpc.RpcError as error:
            return self._cluster.broken(stream, error)
        finally:
            stream.cancel()

    def _request(self) -> wire.WatchRequest:
        return wire.WatchRequest(
            create_request=wire.WatchCreateRequest(
                key=self._begin,
                range_end=self._end,
                start_revision=self._position,
                progress_notify=True,
            )
        )

    def _accept(self, answer: wire.WatchResponse, present: int) -> None:
        if answer.canceled:
            raise _cancellation(answer)
        self._seen = max(self._seen, answer.header.revision)
        if answer.created:
            self._history.refuse_begin(self._position, present)
        elif answer.events:
            self._offer(events(self._keys, answer))
        else:  # nothing happened here up to this revision
            self._position = max(self._position, answer.header.revision + 1)

    def _offer(self, told: tuple[Event, ...]) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._answers) < _AHEAD)
            self._answers.append(told)
            self._position = told[-1].revision + 1
            self._changed.notify_all()

    def _refuse_another_past(self, header: wire.ResponseHeader) -> None:
        """Refuse to go on where the store is another one, or was set back, since it was last asked."""
        self._cluster_id = self._cluster_id or header.cluster_id
        if header.cluster_id == self._cluster_id and header.revision >= self._seen:
            self._seen = header.revision
            return
        raise Compacted(
            f"etcd is at revision {header.revision} and was at {self._seen} before: it was restored "
            "from a backup, or replaced; list again, and watch from there"
        )


def _cancellation(answer: wire.WatchResponse) -> Error:
    if answer.compact_revision:
        return Compacted(
            f"etcd keeps nothing before revision {answer.compact_revision}: list again, and watch "
            "from there"
        )
    return _ended(answer.cancel_reason or "the server cancelled the watch")


def _ended(reason: str) -> Error:
    return Unavailable(f"a watch of etcd ended: {reason}; it can go on where it stopped")
