"""How a database is found in a storage, or comes to be there."""

from __future__ import annotations

from ostler.clock import Clock
from ostler.errors import BadRequest, Conflict, Internal, NotFound, Unavailable
from ostler.kv import KeyValueStore
from ostler.ost import ObjectStorage

from .arbitration import sequence
from .heads import Head
from .manifest import Manifest
from .names import DATA, MANIFESTS, PROBES, WALS
from .recovery import found, newest_manifest
from .sealing import missing
from .sequences import StorageSequence
from .threads import Threads

__all__ = ["find_or_found"]

_RACERS = 12


def find_or_found(
    ost: ObjectStorage, kv: KeyValueStore, head: Head | None, clock: Clock, threads: Threads
) -> Manifest:
    """Return the newest manifest, after making the database if there is none.

    Who decides between writers is settled then, for ever: the storage, if it
    proves to create exclusively, else the key-value store.

    :param head: what the key-value store tells of.
    :raises BadRequest: the storage's listings may be out of date.
    :raises Internal: all manifests of a database are gone (code ``"missing"``).
    """
    if not (ost.capabilities.consistent_list and ost.capabilities.atomic_put):
        raise BadRequest(
            "the datamanager needs a storage that writes objects whole and whose listings show "
            "what was just written; this one says that it does not: choose another"
        )
    manifests = StorageSequence(ost, MANIFESTS)
    manifest = newest_manifest(manifests)
    if manifest is None and head is not None:
        raise _lost(f"the key-value store belongs to the database {head.cluster}")
    if manifest is None and _has_remains(ost):
        manifest = newest_manifest(manifests)  # somebody may be making it just now
        if manifest is None:
            raise _lost("there are objects of one")
    if manifest is not None:
        return manifest
    arbiter = "storage" if _creates_exclusively(ost, clock, threads) else "kv"
    return found(sequence(ost, kv, MANIFESTS, arbiter), clock, arbiter)


def _has_remains(ost: ObjectStorage) -> bool:
    return any(any(True for _info in ost.objects(prefix)) for prefix in (WALS, DATA))


def _lost(sign: str) -> Internal:
    return missing(
        MANIFESTS,
        f"{sign}: this is another storage, or all manifests were removed; to begin anew use an "
        "empty storage with an empty key-value store",
    )


def _creates_exclusively(ost: ObjectStorage, clock: Clock, threads: Threads) -> bool:
    """Whether of many writers of one object exactly one wins: tried, not believed."""
    if not ost.capabilities.exclusive_put:
        return False
    key = f"{PROBES}{clock.new_id()}"

    def wins(racer: int) -> bool:
        try:
            ost.put(key, str(racer).encode(), persist=False, if_absent=True)
        except Conflict:
            return False
        return True

    won = [racer for racer, won in enumerate(threads.map(wins, range(_RACERS))) if won]
    try:
        stored = ost.read(key)
    except NotFound as error:
        raise Unavailable(
            "a probe of the object storage was removed before it was read: this process was held "
            "up for long, or the storage forgets; try again"
        ) from error
    ost.delete(key)
    return [str(racer).encode() for racer in won] == [stored]
