"""Telling other processes, through the key-value store, how far the log reaches."""

from __future__ import annotations

import logging

from ostler.clock import Clock
from ostler.errors import Conflict, Error

from .heads import Head, Heads, check_cluster, furthest
from .log import Log
from .threads import Gate, Threads
from .turns import Turns

__all__ = ["Publisher"]

_LOG = logging.getLogger(__name__)
_REST = 0.01
"""Seconds after each time: under load many commits are told of together."""
_AGAIN = 1.0
"""Seconds after a time that failed."""


class Publisher:
    """Publishes the newest commit and manifest: at once, or in a thread that leaves out what is overtaken.

    What is not published loses nothing: other processes then see it when they
    look themselves.

    :param told: what the store tells of now.
    """

    def __init__(
        self,
        heads: Heads,
        log: Log,
        turns: Turns,
        threads: Threads,
        clock: Clock,
        told: Head | None,
    ) -> None:
        self._heads, self._log, self._turns = heads, log, turns
        self._threads, self._clock = threads, clock
        self._lock = threads.lock()
        self._gate: Gate | None = None
        self._end = threads.gate()
        self._running = self._closed = self._failed = False
        self._told = told

    def tell(self) -> None:
        """See to it that what is known now is published: what was committed is so in any case."""
        if not self._running:
            self._try()
            return
        gate = self._gate
        if gate is not None:
            gate.open()

    def publish(self) -> bool:
        """Publish what is known now; return whether it is: a store that cannot be reached is said in the log.

        :raises Conflict: the store belongs to another database.
        """
        with self._lock:
            head = self._news()
            if head is None:
                return True
            if self._closed and self._failed:
                return False  # who closes does not wait for a store that is away
            try:
                self._heads.publish(head)
                self._told, self._failed = head, False
                self._turns.look()
                return True
            except Conflict:
                raise
            except Error as error:
                self._failed = True
                _LOG.warning(
                    "the key-value store could not be told of commit %d, which is stored: %s",
                    head.commit,
                    error.message,
                )
                return False

    def renew(self) -> None:
        """Look whether the store still tells what it was told, and tell it again if not.

        :raises Conflict: the store belongs to another database.
        """
        with self._lock:
            if self._closed:
                return
            head = self._heads.read()
            if head is not None:
                check_cluster(head, self._head().cluster)
            if head is None or (self._told and head.commit < self._told.commit):
                self._told = None
        self.publish()

    def run(self) -> None:
        """Publish whenever there is something new, until `close`, which may come before."""
        self._running = True
        while not self._closed:
            self._gate = gate = self._threads.gate()
            if self._news() is None and not self._turns.asks:
                self._wait(gate)
            if self._try():
                self._clock.sleep(_REST)
            else:
                self._end.wait(_AGAIN)

    def _wait(self, gate: Gate) -> None:
        """Wait for news, or for the end, which may have come before there was this gate."""
        if not self._closed:
            gate.wait()

    def close(self) -> None:
        """Publish what is left; let `run` end."""
        self._closed, self._running = True, False
        if self._gate is not None:
            self._gate.open()
        self._end.open()
        self._try()

    def _try(self) -> bool:
        if not self._closed:
            self._turns.ask()
        try:
            return self.publish()
        except Conflict as error:
            _LOG.error("commits are stored, but nobody is told of them: %s", error.message)
            return False

    def _news(self) -> Head | None:
        """Return what is known now, if it is more than what was told."""
        head, told = self._head(), self._told
        return None if told is not None and furthest(head, told) == told else head

    def _head(self) -> Head:
        with self._log.lock:
            manifest = self._log.state.manifest
            # Not what may still be lost: a store that knows of more than the
            # storage has is refused.
            return Head(manifest.cluster, self._log.durable, manifest.number)
