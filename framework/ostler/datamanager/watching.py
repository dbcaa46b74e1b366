"""Watching commits: every one, in order, from any number that is still kept."""

from __future__ import annotations

from ostler.clock import Clock
from ostler.closing import Closing
from ostler.errors import Compacted, NotFound

from .log import Log
from .names import numbered
from .records import Batch, Commit, decode_batch
from .sequences import Sequence
from .threads import Gate, Threads

__all__ = ["CommitWatch", "Listeners"]

_AT_ONCE = 64


class Listeners:
    """Those who wait until the log goes on."""

    def __init__(self, threads: Threads) -> None:
        self._lock = threads.lock()
        self._gates: set[Gate] = set()

    def add(self, gate: Gate) -> None:
        """Open ``gate`` the next time."""
        with self._lock:
            self._gates.add(gate)

    def remove(self, gate: Gate) -> None:
        """Forget ``gate``: nobody waits at it any more."""
        with self._lock:
            self._gates.discard(gate)

    def wake(self) -> None:
        """Open all gates."""
        if not self._gates:
            return
        with self._lock:
            gates, self._gates = self._gates, set()
        for gate in gates:
            gate.open()


class CommitWatch(Closing):
    """Commits after a number, as they come. One thread reads it; any thread may close it.

    :param after: number of the last commit that is known already.
    :param poll: seconds between looks at the storage, for commits of other
        processes of which nothing was heard.
    """

    def __init__(
        self,
        log: Log,
        wals: Sequence,
        listeners: Listeners,
        *,
        threads: Threads,
        clock: Clock,
        after: int,
        poll: float,
    ) -> None:
        self._log, self._wals, self._listeners = log, wals, listeners
        self._threads, self._clock, self._poll = threads, clock, poll
        self._at = after
        self._closed = False
        self._gate: Gate | None = None

    @property
    def position(self) -> int:
        """Number of the last commit that was given out: where another watch goes on."""
        return self._at

    def next(self, timeout: float | None = None) -> tuple[Commit, ...]:
        """Return the commits that follow, whole batches, at least one; ``()`` when time runs out or it was closed.

        :param timeout: seconds; None: wait without end.
        :raises Compacted: the log no longer has what follows: read everything, and
            watch from the number that was read.
        """
        deadline = None if timeout is None else self._clock.monotonic() + timeout
        while not self._closed:
            self._gate = gate = self._threads.gate()
            self._listeners.add(gate)
            try:
                if self._log.state.commit > self._at or self._log.sync() > self._at:
                    return self._following()
                left = self._poll if deadline is None else deadline - self._clock.monotonic()
                if left <= 0:
                    return ()
                gate.wait(min(left, self._poll))
            finally:
                self._listeners.remove(gate)
        return ()

    def close(self) -> None:
        """End it: a `next` that waits returns ``()``. Idempotent."""
        self._closed = True
        if self._gate:
            self._gate.open()

    def _following(self) -> tuple[Commit, ...]:
        with self._log.lock:
            recent = self._log.state.recent
            if recent and recent[0].number <= self._at + 1:
                batches = [batch for batch in recent if batch.number > self._at]
            else:
                batches = []
            newest, digest = self._log.state.commit, self._log.state.digest
        batches = batches or self._stored(newest, digest)
        self._at = batches[-1].number
        return tuple(commit for batch in batches for commit in batch.commits())

    def _stored(self, newest: int, digest: bytes) -> list[Batch]:
        """Read what follows from storage; the next object tells whether the last one is the right one.

        An object can come late into a number that was removed: it does not
        belong to the chain.
        """
        end = min(self._at + _AT_ONCE, newest)
        batches = [self._read(number) for number in range(self._at + 1, end + 1)]
        digests = [batch.digest for batch in batches]
        expected = [batch.previous for batch in batches[1:]]
        expected.append(self._read(end + 1).previous if end < newest else digest)
        if digests != expected:
            raise self._compacted()
        return batches

    def _read(self, number: int) -> Batch:
        try:
            data = self._wals.read(number)
        except NotFound:
            raise self._compacted() from None
        return decode_batch(data, numbered(self._wals.prefix, number))

    def _compacted(self) -> Compacted:
        return Compacted(
            f"what follows commit {self._at} is no longer kept: read everything, and watch from "
            "what was read"
        )
