"""Group commit: what is asked for while a commit is on its way shares the next one.

There is no thread for it. The first to come leads: it runs its own request and
all that wait, commits once, and passes the lead to the first of those that
came meanwhile. Whoever is alone waits for nothing and wakes nobody.
"""

from __future__ import annotations

import copy
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable
from typing import Any, Generic, TypeVar, cast

from ostler.errors import Error, Unknown

from .compaction import History
from .connections import Connections
from .failures import concerns_one, translate
from .writer import Writer, Written

__all__ = ["Commits", "Work"]

T = TypeVar("T")

Work = Callable[[Writer], T]


class _Request(Generic[T]):
    """One caller's work and what came of it."""

    __slots__ = ("error", "finished", "leads", "result", "signal", "work")

    def __init__(self, work: Work[T]) -> None:
        self.work = work
        self.signal = threading.Lock()
        self.signal.acquire()
        self.finished = self.leads = False
        self.result: T | None = None
        self.error: Exception | None = None

    def run(self, writer: Writer) -> None:
        self.error = None
        try:
            self.result = self.work(writer)
        except Error as error:
            self.error = error

    def outcome(self) -> T:
        if self.error is not None:
            raise self.error
        return cast("T", self.result)


class Commits:
    """Runs requests in write transactions, several in one where they meet.

    :param announce: told, by the thread that led, what every commit changed.
    """

    def __init__(
        self, connections: Connections, history: History, announce: Callable[[Written], None]
    ) -> None:
        self._connections, self._history, self._announce = connections, history, announce
        self._lock = threading.Lock()
        self._waiting: deque[_Request[Any]] = deque()
        self._led = False

    def run(self, work: Work[T]) -> T:
        """Return what ``work`` returned, durable.

        It may be run more than once; only the last time counts.
        """
        self._connections.check()
        request = _Request(work)
        with self._lock:
            request.leads = not self._led
            self._led = True
            self._waiting.append(request)
        try:
            if not request.leads:
                request.signal.acquire()
            if not request.finished:
                self._lead(request)
        except BaseException:
            self._abandon(request)
            raise
        return request.outcome()

    def _abandon(self, request: _Request[Any]) -> None:
        """After an interrupt: the others go on without this one."""
        with self._lock:
            if request in self._waiting:
                self._waiting.remove(request)
        if request.leads:
            self._pass_on(request)

    def _lead(self, leader: _Request[Any]) -> None:
        batch: Collection[_Request[Any]] = ()
        announcements: list[Written] = []
        try:
            with self._lock:
                batch, self._waiting = self._waiting, deque()
            self._commit(batch, announcements)
        except BaseException:
            _fail(batch, Unknown("the thread that committed for others was interrupted"))
            raise
        finally:
            self._pass_on(leader)
            for request in batch:
                request.finished = True
                request.signal.release()
        for written in announcements:
            self._announce(written)

    def _pass_on(self, leader: _Request[Any]) -> None:
        with self._lock:
            leader.leads = False
            if self._waiting:
                self._waiting[0].leads = True
                self._waiting[0].signal.release()
            else:
                self._led = False

    def _commit(self, batch: Collection[_Request[Any]], announcements: list[Written]) -> None:
        try:
            announcements.append(self._attempt(batch))
        except Exception as error:
            if len(batch) > 1 and concerns_one(error):
                for request in batch:
                    self._commit([request], announcements)
            else:
                _fail(batch, self._typed(error))

    def _attempt(self, batch: Collection[_Request[Any]]) -> Written:
        connection = self._connections.take_writer()
        try:
            writer = Writer(connection, self._history)
            for request in batch:
                request.run(writer)
            writer.keep_bounded()
            try:
                connection.execute("COMMIT")
            except sqlite3.Error as error:
                raise translate(error, self._connections.path, committing=True) from error
            return writer.written
        finally:
            self._connections.give_back_writer(connection)

    def _typed(self, error: Exception) -> Exception:
        if not isinstance(error, sqlite3.Error):
            return error
        typed = translate(error, self._connections.path)
        typed.__cause__ = error
        return typed


def _fail(batch: Iterable[_Request[Any]], error: Exception) -> None:
    for request in batch:
        request.error = copy.copy(error)
        request.error.__cause__ = error.__cause__
