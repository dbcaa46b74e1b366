"""The log: brought up to date from storage, and written to.

One thread at a time writes, and any thread may bring the state up to date
meanwhile: taking in a commit that is known already does nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Listed
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from ostler.clock import Clock
from ostler.errors import Conflict, Error, Internal, NotFound, Unavailable, Unknown

from .freshness import Freshness, Instant
from .manifest import Manifest, decode_manifest
from .names import numbered
from .options import Options
from .records import Batch, Transaction, decode_batch, encode_batch
from .sealing import damaged, digest_of, missing
from .sequences import Sequence
from .state import State

__all__ = ["Log"]

_GONE_ATTEMPTS = 20
_PAUSE = 0.1
_HELD_UP = "held_up"


class Log:
    """The sequence of commits, and the state that they make.

    :param state: as it was recovered.
    :param lock: held for every look at the state; shared with the readers.
    :param writer: id of this process, written into each commit.
    :param advanced: called after the state went on, without the lock.
    :param lost: called whenever somebody else was faster.
    :ivar took: seconds that the storage took for the last object that was written.
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
        lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._wals, self._manifests = wals, manifests
        self.state, self.lock = state, lock
        self._clock, self._options, self._writer = clock, options, writer
        self._advanced, self._lost = advanced, lost
        self._freshness = Freshness(clock, options.grace)
        self._manifest_freshness = Freshness(clock, options.grace)
        self._durable = state.manifest.commit
        self.took = 0.0

    @property
    def durable(self) -> int:
        """Number of the newest commit of which it is known that no power loss takes it."""
        return max(self._durable, self.state.manifest.commit)

    def sync(self) -> int:
        """Take in every commit that was acknowledged before this call; return the newest number.

        :raises Internal: an object of the log is damaged, or the chain is broken.
        """
        if self._manifest_freshness.stale:
            self.refresh()  # the files of the one that is known go some time after it was replaced
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
        name = numbered(self._wals.prefix, number)
        batch = decode_batch(data, name)
        if batch.number != number:
            raise damaged(name, f"it says that it is number {batch.number}")
        self._apply(batch)

    def refresh(self) -> Manifest:
        """Adopt the newest manifest if there is one that is not known; return the newest."""
        for _ in range(_GONE_ATTEMPTS):
            began = self._freshness.now()
            known = self.state.manifest
            newest = max(self._manifests.after(known.number), default=known.number)
            try:
                if newest > known.number:
                    manifest = self.read_manifest(newest)
                    # What it covers counts as durable, so it must be, whoever made it.
                    self._manifests.persist([newest])
                    self.adopt(manifest)
            except NotFound:
                continue  # a newer one has taken its place
            self._freshness.seen(began)
            self._manifest_freshness.seen(began)
            return self.state.manifest
        raise Unavailable("the manifests change faster than they can be read: try again")

    def read_manifest(self, number: int) -> Manifest:
        """Return a manifest.

        :raises NotFound: there is none of that number.
        :raises Internal: it is damaged, or of another database.
        """
        name = numbered(self._manifests.prefix, number)
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
            data = encode_batch(batch)
            stored = replace(batch, digest=digest_of(data), size=len(data))
            if self._write(stored, data, deadline):
                return batch.number
            self._lost()

    def _write(self, batch: Batch, data: bytes, deadline: float) -> bool:
        """Write a batch to its number; return False when somebody else has it."""
        sent = False
        while True:
            try:
                self._persist_before(batch.number)
                fate = self._fate(batch, sent=sent)
                if fate is None:
                    return self._attempt(batch, data)
                if fate and batch.number > self.durable:
                    self._wals.persist([batch.number])  # seen by others before it was durable
                return fate
            except Error as error:
                if error.code == _HELD_UP or _alarm(error) or (_final(error) and not sent):
                    raise
                sent = True
                self._pause(batch.number, error, deadline)

    def _attempt(self, batch: Batch, data: bytes) -> bool:
        """Create the object of a batch; return False when another one is there.

        :raises Error: it was not stored, or nobody knows.
        """
        began = self._freshness.now()
        try:
            self._wals.create(batch.number, data)
        except Error as error:
            if not self._stored(batch, error):
                return False
        self.took = self._clock.monotonic() - began.monotonic
        return self._conclude(batch, began)

    def _fate(self, batch: Batch, *, sent: bool) -> bool | None:
        """Return what is known of a number: True, this batch has it; False: another; None: nobody yet.

        :param sent: whether it may have been stored by an earlier attempt.
        """
        with self.lock:
            if self.state.commit < batch.number:
                return None
            digest = self.state.digest_at(batch.number)
        if digest is None and sent:
            raise _held_up(batch.number)
        return digest == batch.digest

    def _stored(self, batch: Batch, error: Error) -> bool:
        """Find out whether an attempt that failed did store its object, and make it durable then.

        :raises Error: ``error``, when there is none; what kept from finding out.
        """
        try:
            found = self._wals.read(batch.number)
        except NotFound:
            raise error from None
        if digest_of(found) == batch.digest:
            self._wals.persist([batch.number])
            return True
        if self._covered(batch.number):
            return bool(self._fate(batch, sent=True))
        self.take(found, batch.number)
        return False

    def _pause(self, number: int, error: Error, deadline: float) -> None:
        """Pause before the next attempt.

        :raises Unknown: the time is over.
        """
        if self._clock.monotonic() >= deadline:
            raise Unknown(
                f"the storage did not say in {self._options.commit_budget:g} s whether commit "
                f"{number} is stored ({error.message}): read before you try again"
            ) from error
        self._clock.sleep(_PAUSE * self._clock.random())

    def _conclude(self, batch: Batch, began: Instant) -> bool:
        """Take in what was stored, unless its number may be one that was removed.

        :raises Unknown: a manifest covers the number, and it is not known whether with this batch.
        """
        try:
            covered = self._covered(batch.number)
        except Error as error:
            raise _held_up(batch.number) from error
        if not covered:
            self._apply(batch)
        fate = self._fate(batch, sent=True)
        if fate:
            self._durable = max(self._durable, batch.number)
            self._freshness.seen(began)
        return bool(fate)

    def _covered(self, number: int) -> bool:
        """Whether a number may have been removed, and be taken again by what comes too late."""
        if self._freshness.stale:
            self.refresh()
        return self.state.manifest.commit >= number

    def _apply(self, batch: Batch) -> None:
        """Take in the batch that follows; one that is known already changes nothing."""
        with self.lock:
            if batch.number != self.state.commit + 1:
                return
            if batch.previous != self.state.digest:
                raise damaged(
                    numbered(self._wals.prefix, batch.number),
                    f"it does not follow the number {batch.number - 1} that is there: one of the "
                    "two was replaced or comes from another database",
                )
            self.state.apply(batch)
        self._advanced()

    def secure(self) -> None:
        """Make everything durable that is known, so that the key-value store may be told of it."""
        self._persist_before(self.state.commit + 1)

    def _persist_before(self, number: int) -> None:
        """Make durable what this commit builds upon: others may have died before they did.

        What a manifest covers is in its files.
        """
        while (first := self.durable + 1) < number:
            try:
                self._wals.persist(range(first, number))
                self._durable = number - 1
            except NotFound:
                if self.refresh().commit < first:
                    raise missing(
                        numbered(self._wals.prefix, first), "no manifest covers it"
                    ) from None


def _final(error: Error) -> bool:
    """Whether an error says that nothing was stored, and that the same would come again."""
    return not isinstance(error, (Unavailable, Conflict, NotFound)) or error.code == "no_space"


def _alarm(error: Error) -> bool:
    """Whether an error says that an object of the database is not as it should be."""
    return isinstance(error, Internal) and "object" in error.details


def _held_up(number: int) -> Unknown:
    return Unknown(
        f"this process was held up for so long that commit {number} may have been made, taken "
        "over into a manifest and removed: read before you try again",
        code=_HELD_UP,
    )
