"""From what lies in object storage to a state in memory; and how a database comes to be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from ostler.clock import Clock
from ostler.errors import Conflict, NotFound, Unavailable

from .heads import Head, check_cluster
from .manifest import Manifest, decode_manifest, encode_manifest, first_manifest
from .names import HEAD, KV_PREFIX, MANIFESTS, WALS, numbered
from .records import Batch, decode_batch
from .sealing import damaged, digest_of
from .sequences import Sequence
from .state import State
from .threads import Threads

__all__ = ["check_head", "found", "newest_manifest", "recover"]

_ATTEMPTS = 20
_BATCH = 256
_SHARES = 16


def newest_manifest(manifests: Sequence, *, persist: bool = True) -> Manifest | None:
    """Return the newest manifest; None: there is no database yet.

    :param persist: see to it that it is durable: who made it may have died before it was.
    :raises Internal: it is damaged.
    """
    for _ in range(_ATTEMPTS):
        number = max(manifests.after(0), default=0)
        if number == 0:
            return None
        name = numbered(manifests.prefix, number)
        try:
            manifest = decode_manifest(manifests.read(number), name)
            if persist:
                manifests.persist([number])
        except NotFound:
            continue  # a newer one has taken its place
        return manifest
    raise Unavailable("the manifests change faster than they can be read: try again")


def found(manifests: Sequence, clock: Clock, arbiter: str) -> Manifest:
    """Make a new, empty database, or return the manifest of who was faster."""
    first = first_manifest(clock.new_id(), arbiter, clock.now())
    data = encode_manifest(first)
    try:
        manifests.create(1, data)
    except (Conflict, Unavailable) as error:
        _complete_first(manifests)
        made = newest_manifest(manifests)
        if made is None:
            raise Unavailable(
                f"the database is just being made, by this process or by another ({error.message}): "
                "try again"
            ) from error
        return made
    return replace(first, own=digest_of(data))


def _complete_first(manifests: Sequence) -> None:
    """Read the first manifest, which stores it when its maker got the number and no further."""
    with suppress(NotFound):  # a newer one has taken its place, or there is none
        manifests.read(1)


def recover(manifest: Manifest, wals: Sequence, manifests: Sequence, threads: Threads) -> State:
    """Return the state that a manifest and the log after it make.

    :raises Internal: an object is damaged or missing; names it.
    """
    while True:
        state = State.at(manifest)
        listed = list(wals.after(manifest.commit))
        missing = _read(state, wals, listed, threads)
        if missing is None:
            return state
        newest = newest_manifest(manifests)
        if newest is None or newest.number <= manifest.number:
            raise damaged(
                numbered(wals.prefix, missing),
                f"it is missing, though number {listed[-1]} is there",
            )
        manifest = newest  # it was removed meanwhile, for the newer manifest covers it


def check_head(head: Head | None, state: State) -> None:
    """Refuse a key-value store that does not belong to the storage.

    :raises Conflict: it belongs to another database, or knows of commits that
        or manifests that the storage does not have (code ``"storage_behind"``).
    """
    if head is None:
        return
    check_cluster(head, state.manifest.cluster)
    if head.commit > state.commit:
        raise _behind(f"commit {head.commit}", state.commit, WALS, head.commit)
    if head.manifest > state.manifest.number:
        raise _behind(f"manifest {head.manifest}", state.manifest.number, MANIFESTS, head.manifest)


def _behind(known: str, there: int, prefix: str, number: int) -> Conflict:
    return Conflict(
        f"the key-value store knows of {known} and the object storage ends at {there}: objects "
        f"such as {numbered(prefix, number)} were lost, or this is an old copy of the storage. "
        f"Restore it; to go on without them, delete the key {KV_PREFIX + HEAD!r} of the store",
        code="storage_behind",
        details={"object": numbered(prefix, number)},
    )


def _read(state: State, wals: Sequence, numbers: list[int], threads: Threads) -> int | None:
    """Take in objects of the log; return the number of one that is missing before the last of them."""
    for number, batch in _batches(wals, numbers, threads):
        expected = state.commit + 1
        if batch is None or number != expected:
            return expected
        if batch.number != number or batch.previous != state.digest:
            raise damaged(
                numbered(wals.prefix, number),
                f"it does not follow the number {number - 1} that is there: one of the two was "
                "replaced or comes from another database",
            )
        state.apply(batch)
    return None


def _batches(
    wals: Sequence, numbers: list[int], threads: Threads
) -> Iterator[tuple[int, Batch | None]]:
    def read(number: int) -> tuple[int, Batch | None]:
        try:
            data = wals.read(number)
        except NotFound:
            return number, None
        return number, decode_batch(data, numbered(wals.prefix, number))

    def read_all(some: list[int]) -> list[tuple[int, Batch | None]]:
        return [read(number) for number in some]

    for start in range(0, len(numbers), _BATCH):
        batch = numbers[start : start + _BATCH]
        # Handing each to a thread of its own takes longer than reading it from a disk.
        share = max(1, len(batch) // _SHARES)
        parts = [batch[at : at + share] for at in range(0, len(batch), share)]
        for found in threads.map(read_all, parts):
            yield from found
