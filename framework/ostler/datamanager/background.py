"""What a datamanager does beside its callers: publish, follow others, checkpoint, collect."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from ostler.clock import Clock
from ostler.errors import Compacted, Error
from ostler.kv import KeyValueStore, Watching

from .log import Log
from .names import CHECKPOINTER, HEAD
from .options import Options
from .publishing import Publisher
from .threads import Gate, Task, Threads

__all__ = ["Background"]

_LOG = logging.getLogger(__name__)
_LEASE = 15.0
_HURRY = 0.1


class Maintained(Protocol):
    """What is kept in order."""

    def checkpoint(self) -> object: ...

    def collect(self) -> object: ...


class Background:
    """The threads of an open datamanager."""

    def __init__(
        self,
        database: Maintained,
        kv: KeyValueStore,
        log: Log,
        publisher: Publisher,
        *,
        threads: Threads,
        clock: Clock,
        options: Options,
    ) -> None:
        self._database, self._kv, self._log, self._publisher = database, kv, log, publisher
        self._threads, self._clock, self._options = threads, clock, options
        self._tasks: list[Task] = []
        self._closed = False
        self._gate: Gate = threads.gate()
        self._watch: Watching | None = None
        self._lock = threads.lock()

    def start(self) -> None:
        """Begin to publish and to keep the database in order."""
        self._spawn(self._publisher.run, "datamanager-publish")
        self._spawn(self._maintain, "datamanager-checkpoint")

    def follow(self) -> None:
        """Begin to take in the commits of other processes as they come. Idempotent."""
        with self._lock:
            if self._watch is None:
                self._watch = self._kv.watch(HEAD)
                self._spawn(self._follow, "datamanager-follow")

    def committed(self) -> None:
        """Note a commit: a checkpoint may be due."""
        if self._due():
            self._gate.open()

    def close(self) -> None:
        """End all threads."""
        self._closed = True
        self._gate.open()
        if self._watch is not None:
            self._watch.close()
        self._publisher.close()
        for task in self._tasks:
            task.join()

    def _spawn(self, run: Callable[[], None], name: str) -> None:
        self._tasks.append(self._threads.spawn(run, name))

    def _follow(self) -> None:
        while not self._closed:
            self._safely(self._once, "follow the other processes")
        if self._watch is not None:
            self._watch.close()  # it may have been made after `close` closed the one before

    def _once(self) -> None:
        """Wait for news, or look without any after a while; tell the store again what it lost."""
        assert self._watch is not None
        try:
            heard = self._watch.next(self._options.poll)
        except Compacted:
            lost, self._watch = self._watch, self._kv.watch(HEAD)
            lost.close()  # not before: one that is closed has no news, and says so at once
            heard = ()
        self._log.sync()
        if not heard:
            self._publisher.renew()

    def _maintain(self) -> None:
        last = self._clock.monotonic()
        while not self._closed:
            left = self._options.checkpoint_interval - (self._clock.monotonic() - last)
            if left > 0 and not self._due():
                self._rest(left)
                continue
            self._safely(self._exclusively, "make a checkpoint")
            last = self._clock.monotonic()
            self._rest(_HURRY)

    def _rest(self, seconds: float) -> None:
        """Wait until a commit makes a checkpoint due, or for so long."""
        self._gate = self._threads.gate()
        if not self._closed:
            self._gate.wait(seconds)

    def _exclusively(self) -> None:
        """Make a checkpoint, unless another process is just making one."""
        mutex = self._kv.mutex(CHECKPOINTER, _LEASE)
        if not mutex.acquire(timeout=0):
            return
        try:
            self._database.checkpoint()
            self._database.collect()
        finally:
            mutex.release()

    def _due(self) -> bool:
        state, options = self._log.state, self._options
        return (
            state.commit - state.manifest.commit >= options.checkpoint_commits
            or state.log_bytes >= options.checkpoint_bytes
        )

    def _safely(self, call: Callable[[], None], what: str) -> None:
        try:
            call()
        except Error as error:
            _LOG.warning("the datamanager could not %s and will try again: %s", what, error.message)
            self._clock.sleep(_HURRY)
