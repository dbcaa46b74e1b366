"""Group commit: what arrives while one commit is on its way goes into the next one together.

There is no thread of its own: the first writer that finds nobody
writing writes for all who wait, and then hands over to the first of those who
came meanwhile. A writer that is alone waits for nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from ostler.clock import Clock
from ostler.errors import Conflict, Error, Unknown

from .log import Log
from .options import Options
from .records import Transaction
from .requests import Request
from .state import State
from .threads import Gate, Threads
from .turns import Turns

__all__ = ["Committer"]

_PATIENCE = 1 / 4
"""Of the time that the last commit took, at most."""
_LONGEST = 0.05
"""Seconds: what took longer was held up."""


class Committer:
    """Commits transactions of many threads in as few objects of the log as possible."""

    def __init__(
        self, log: Log, turns: Turns, threads: Threads, clock: Clock, options: Options
    ) -> None:
        self._turns = turns
        self._log, self._threads, self._clock, self._options = log, threads, clock, options
        self._lock = threads.lock()
        self._waiting: deque[Request] = deque()
        self._busy = False
        self._expected = 0
        self._until = self._turn = 0.0
        self._gathered: Gate | None = None

    def commit(self, request: Request) -> int:
        """Commit a transaction; return its number.

        :raises Conflict: a group of its token was moved.
        :raises Unknown: it may be committed, or become so.
        """
        with self._lock:
            request.leads = not self._busy
            self._busy = True
            self._waiting.append(request)
            if not request.leads:
                request.gate = self._threads.gate()
            if self._gathered and len(self._waiting) >= self._expected:
                self._gathered.open()
        try:
            if request.gate:
                request.gate.wait()
            if request.leads:
                self._gather()
                self._yield()
        except BaseException:
            self._abandon(request)
            raise
        if request.leads:
            self._lead(request)
        if request.error is not None:
            raise request.error
        return request.number

    def _abandon(self, request: Request) -> None:
        """Let the others go on when a waiting thread is interrupted."""
        with self._lock:
            if request in self._waiting:
                self._waiting.remove(request)
        if request.leads:
            self._hand_over(())

    def _lead(self, leader: Request) -> None:
        """Write for all who wait, the caller first of them; then let the next one lead."""
        batch = self._take()
        began = self._clock.monotonic()
        try:
            self._write(batch)
        except BaseException as error:
            for request in batch:
                told = error if request is leader else _own(error)
                request.error = request.error or told
        finally:
            try:
                self._note(began)
            finally:
                self._hand_over(batch)

    def _note(self, began: float) -> None:
        """Note how long a batch took: others are waited for, and let in, in relation to that."""
        now = self._clock.monotonic()
        self._until = now + min(_LONGEST, _PATIENCE * (now - began))
        with self._log.lock:
            self._turn = now + self._turns.won(self._log.state, self._log.took)

    def _gather(self) -> None:
        """Wait for those whose commits have just been made: most come again at once.

        For a small part of the time that it took, and only when it was made
        for several. Without that, two halves of the writers would take turns.
        """
        with self._lock:
            left = self._until - self._clock.monotonic()
            if left <= 0 or len(self._waiting) >= self._expected:
                return
            self._gathered = gate = self._threads.gate()
        gate.wait(left)
        with self._lock:
            self._gathered = None

    def _yield(self) -> None:
        """Let other processes in that wrote lately, until their time is over; see what they wrote."""
        left = self._turn - self._clock.monotonic()
        if left > 0:
            self._clock.sleep(left)
            with suppress(Error):  # an attempt to write tells what is wrong, if something is
                self._log.sync()

    def _take(self) -> list[Request]:
        """Return the next batch: as many as fit, one at least."""
        batch: list[Request] = []
        size = 0
        with self._lock:
            while self._waiting:
                size += self._waiting[0].size
                if batch and size > self._options.batch_bytes:
                    break
                batch.append(self._waiting.popleft())
        return batch

    def _write(self, batch: Sequence[Request]) -> None:
        chosen: list[Request] = []

        def select(state: State) -> list[Transaction]:
            chosen[:] = _winners(state, batch)
            return [request.transaction for request in chosen]

        number = self._log.append(select)
        for request in chosen:
            request.number = number or 0

    def _hand_over(self, batch: Sequence[Request]) -> None:
        with self._lock:
            following = self._waiting[0] if self._waiting else None
            self._busy = following is not None
            playing = len(self._waiting) + len(batch)
            self._expected = playing if playing > 1 else 0
            if following is not None:
                following.leads = True
        for request in batch:
            if request.gate:
                request.gate.open()
        if following is not None and following.gate:
            following.gate.open()


def _winners(state: State, batch: Sequence[Request]) -> list[Request]:
    """Return those that may be committed; the others get their `Conflict`."""
    moved: set[str] = set()
    winners = []
    for request in batch:
        if request.error is not None:
            continue
        token = request.token
        if token is not None:
            try:
                state.check(token, moved)
            except Conflict as error:
                request.error = error
                continue
        winners.append(request)
        moved.update(request.transaction.groups)
    return winners


def _own(error: BaseException) -> BaseException:
    """Return an error that one thread alone raises: what interrupted another one is not for it."""
    if isinstance(error, Error):
        own = type(error)(error.message, code=error.code, details=error.details)
    else:
        own = Unknown(
            "the thread that wrote this commit together with its own was interrupted: read before "
            "you try again"
        )
    own.__cause__ = error
    return own
