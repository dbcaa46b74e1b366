"""The log: brought up to date from storage, and written to.

One thread at a time writes, and any thread may bring the state up to date
meanwhile: taking in a commit that is known already does nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Listed
from contextlib import AbstractContextManager
from typing import Any

from ostler.clock import Clock
from ostler.errors import Conflict, Error, NotFound, Unavailable, Unknown

from .freshness import Freshness, Instant
from .manifest import Manifest, decode_manifest
from .options import Options
from .records import Batch, Transaction, decode_batch, encode_batch
from .sealing import damaged, digest_of
from .sequences import Sequence
from .state import State

__all__ = ["Log"]

_GONE_ATTEMPTS = 20
_PAUSE = 0.1


class Log:
    """The sequence of commits, and the state that they make.

    :param state: as it was recovered.
    :param lock: held for every look at the state; shared with the readers.
    :param writer: id of this process, written into each commit.
    :param advanced: called after the state went on, without the lock.
    """

    def __init__(
        self,
        wals: Sequence,
        manifests: Sequence,
        *,
        state: State,
        lock: AbstractContextManager[Any],
        clock: Clock,
        options: Options,
        writer: str,
        advanced: Callable[[], None],
    ) -> None:
        self._wals, self._manifests = wals, manifests
        self.state, self.lock = state, lock
        self._clock, self._options, self._writer = clock, options, writer
        self._advanced = advanced
        self._freshness = Freshness(clock, options.grace)
        self._durable = state.manifest.commit

    def sync(self) -> int:
        """Take in every commit that was acknowledged before this call; return the newest number.

        :raises Internal: an object of the log is damaged, or the chain is broken.
        """
        while True:
            began = self._freshness.now()
            number = self.state.commit + 1
            try:
                data = self._wals.read(number)
            except NotFound:
                if not self._covered(number):
                    self._freshness.seen(began)
                    return number - 1
            else:
                if not self._covered(number):
                    self.take(data, number)

    def take(self, data: bytes, number: int) -> None:
        """Take in an object of the log.

        :raises Internal: it is damaged, or does not follow what is known.
        """
        name = f"{self._wals.prefix}{number}"
        batch = decode_batch(data, name)
        if batch.number != number:
            raise damaged(name, f"it says that it is number {batch.number}")
        with self.lock:
            if number != self.state.commit + 1:
                return
            if batch.previous != self.state.digest:
                raise damaged(
                    name,
                    f"it does not follow the number {number - 1} that is there: one of the two was "
                    "replaced or comes from another database",
                )
            self.state.apply(batch)
        self._advanced()

    def refresh(self) -> Manifest:
        """Adopt the newest manifest if there is one that is not known; return the newest."""
        for _ in range(_GONE_ATTEMPTS):
            began = self._freshness.now()
            known = self.state.manifest
            newest = max(self._manifests.after(known.number), default=known.number)
            try:
                if newest > known.number:
                    self.adopt(self.read_manifest(newest))
            except NotFound:
                continue  # a newer one has taken its place
            self._freshness.seen(began)
            return self.state.manifest
        raise Unavailable("the manifests change faster than they can be read: try again")

    def read_manifest(self, number: int) -> Manifest:
        """Return a manifest.

        :raises NotFound: there is none of that number.
        :raises Internal: it is damaged, or of another database.
        """
        name = f"{self._manifests.prefix}{number}"
        manifest = decode_manifest(self._manifests.read(number), name)
        if manifest.number != number or manifest.cluster != self.state.manifest.cluster:
            raise damaged(
                name, f"it is number {manifest.number} of the database {manifest.cluster}"
            )
        return manifest

    def adopt(self, manifest: Manifest) -> None:
        """Take over a newer manifest."""
        with self.lock:
            if manifest.number <= self.state.manifest.number:
                return
            before = self.state.commit
            self.state.adopt(manifest)
        if self.state.commit > before:
            self._advanced()

    def append(self, select: Callable[[State], Listed[Transaction]]) -> int | None:
        """Commit a batch; return its number, or None when nothing was left to commit.

        :param select: called with the state, under the lock, before each
            attempt: returns the transactions that may be committed on it.
        :raises Unknown: it may be committed, or become so: the storage did not
            answer, or this process was held up for too long.
        :raises Error: what else the storage said; nothing was committed.
        """
        deadline = self._clock.monotonic() + self._options.commit_budget
        while True:
            if self._freshness.stale:
                self.refresh()
            with self.lock:
                state = self.state
                transactions = tuple(select(state))
                batch = Batch(state.commit + 1, state.digest, self._writer, transactions)
            if not transactions:
                return None
            if self._write(batch.number, encode_batch(batch), deadline):
                return batch.number

    def _write(self, number: int, data: bytes, deadline: float) -> bool:
        """Write a batch to its number; return False when somebody else has it."""
        error: Error | None = None
        while True:
            began = self._freshness.now()
            # That a reader has seen this very batch does not make it durable: on with it.
            if self._fate(number, data, sent=error is not None) is False:
                return False
            if error is not None:
                self._wait(number, error, deadline)
            try:
                if not self._persist_before(number):
                    continue
                self._wals.create(number, data)
            except Error as failure:
                error = failure
                if not self._done(number, data, failure):
                    continue
            return self._conclude(number, data, began)

    def _fate(self, number: int, data: bytes, *, sent: bool) -> bool | None:
        """Return what is known of a number: True, this batch has it; False: another; None: nobody yet.

        :param sent: whether it may have been stored by an earlier attempt.
        """
        with self.lock:
            if self.state.commit < number:
                return None
            digest = self.state.digest_at(number)
        if digest is None and sent:
            raise self._held_up(number)
        return digest == digest_of(data)

    def _done(self, number: int, data: bytes, error: Error) -> bool:
        """Find out whether an attempt that failed did store its object; if so make it durable.

        :raises Error: ``error``, when it certainly did not and trying again is of no use.
        """
        try:
            found = self._wals.read(number)
        except NotFound:
            if not isinstance(error, (Unavailable, Conflict)) or error.code == "no_space":
                raise error from None
            return False
        except Unavailable:
            return False
        if digest_of(found) != digest_of(data):
            if not self._covered(number):
                self.take(found, number)
            return False
        try:
            self._wals.persist([number])
        except (NotFound, Unavailable):
            return False
        return True

    def _wait(self, number: int, error: Error, deadline: float) -> None:
        """Pause before the next attempt.

        :raises Unknown: the time is over.
        """
        if self._clock.monotonic() >= deadline:
            raise Unknown(
                f"the storage did not say in {self._options.commit_budget:g} s whether commit "
                f"{number} is stored ({error.message}): read before you try again"
            ) from error
        self._clock.sleep(_PAUSE * self._clock.random())

    def _conclude(self, number: int, data: bytes, began: Instant) -> bool:
        """Take in what was written, unless its number may be one that was removed.

        :raises Unknown: a manifest covers the number, and it is not known whether with this batch.
        """
        fate = self._fate(number, data, sent=True)
        if fate is None:
            if self._covered(number):
                raise self._held_up(number)
            self.take(data, number)
            fate = True
        if fate:
            self._durable = max(self._durable, number)
            self._freshness.seen(began)
        return fate

    def _covered(self, number: int) -> bool:
        """Whether a number may have been removed, and be taken again by what comes too late."""
        return self._freshness.stale and self.refresh().commit >= number

    def _held_up(self, number: int) -> Unknown:
        return Unknown(
            f"this process was held up for so long that commit {number} may have been made, "
            "taken over into a manifest and removed: read before you try again"
        )

    def _persist_before(self, number: int) -> bool:
        """Make durable what this commit builds upon: others may have died before they did.

        What a manifest covers is in its files. Return False when it was removed
        because a manifest covers it that was not known: the log is further.

        :raises Internal: an object of the log is missing.
        """
        first = max(self._durable, self.state.manifest.commit) + 1
        if first < number:
            try:
                self._wals.persist(range(first, number))
            except NotFound as error:
                if self.refresh().commit >= first:
                    return False
                raise damaged(
                    f"{self._wals.prefix}{first}", f"it is missing ({error.message})"
                ) from error
        self._durable = max(self._durable, number - 1)
        return True
