"""How a database is found in a storage, or comes to be there."""

from __future__ import annotations

from ostler.clock import Clock
from ostler.errors import BadRequest, Conflict
from ostler.kv import KeyValueStore
from ostler.ost import ObjectStorage

from .arbitration import sequence
from .manifest import Manifest
from .names import MANIFESTS, PROBES
from .recovery import found, newest_manifest
from .sequences import StorageSequence
from .threads import Threads

__all__ = ["find_or_found"]

_RACERS = 12


def find_or_found(
    ost: ObjectStorage, kv: KeyValueStore, clock: Clock, threads: Threads
) -> Manifest:
    """Return the newest manifest, after making the database if there is none.

    Who decides between writers is settled then, for ever: the storage, if it
    proves to create exclusively, else the key-value store.

    :raises BadRequest: the storage's listings may be out of date.
    """
    if not (ost.capabilities.consistent_list and ost.capabilities.atomic_put):
        raise BadRequest(
            "the datamanager needs a storage that writes objects whole and whose listings show "
            "what was just written; this one says that it does not: choose another"
        )
    manifest = newest_manifest(StorageSequence(ost, MANIFESTS))
    if manifest is not None:
        return manifest
    arbiter = "storage" if _creates_exclusively(ost, clock, threads) else "kv"
    return found(sequence(ost, kv, MANIFESTS, arbiter), clock, arbiter)


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
    stored = ost.read(key)
    ost.delete(key)
    return [str(racer).encode() for racer in won] == [stored]
