"""What was written to entries of one type since a commit: how a copy of them is brought up to date."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ostler.errors import Compacted, NotFound

from .records import Batch, Put, decode_batch
from .sequences import Sequence
from .state import Snapshot

__all__ = ["Changes", "changes_after"]

_MOST = 5000


@dataclass(frozen=True, slots=True)
class Changes:
    """What was written after a commit.

    :param number: of the commit up to which it tells: where the next changes go on.
    :param digest: of that commit, which tells it from another of the same number
        in a database that was put back.
    :param entries: the newest value by id; None: deleted.
    """

    number: int
    digest: bytes
    entries: Mapping[str, bytes | None]


def changes_after(
    snapshot: Snapshot, wals: Sequence, type: str, after: int, digest: bytes
) -> Changes:
    """Return the changes of a type between commit ``after`` and a snapshot.

    :param digest: of commit ``after``, as it was told with it.
    :raises Compacted: they cannot be told, or that commit is none of this
        database: scan all entries.
    """
    if after >= snapshot.manifest.commit:
        _check(snapshot, wals, after, digest)
        newer = snapshot.changes.get(type, {}).items()
        entries = {name: data for name, (number, data) in newer if number > after}
    else:
        entries = _from_log(snapshot, wals, type, after, digest)
    return Changes(snapshot.commit, snapshot.digest, entries)


def _check(snapshot: Snapshot, wals: Sequence, after: int, digest: bytes) -> None:
    """Refuse a commit that is not in the history of the snapshot."""
    if after > snapshot.commit:
        raise _compacted(after)
    if after == snapshot.commit:
        found = snapshot.digest
    elif after == snapshot.manifest.commit:
        found = snapshot.manifest.digest
    else:
        found = _read(wals, after + 1).previous
    if found != digest:
        raise _compacted(after)


def _from_log(
    snapshot: Snapshot, wals: Sequence, type: str, after: int, digest: bytes
) -> dict[str, bytes | None]:
    if snapshot.commit - after > _MOST:
        raise _compacted(after)
    entries: dict[str, bytes | None] = {}
    for number in range(after + 1, snapshot.commit + 1):
        batch = _read(wals, number)
        if batch.previous != digest:
            raise _compacted(after)
        entries.update(_of_type(batch, type))
        digest = batch.digest
    if digest != snapshot.digest:
        raise _compacted(after)
    return entries


def _of_type(batch: Batch, type: str) -> Iterator[tuple[str, bytes | None]]:
    for transaction in batch.transactions:
        for action in transaction.actions:
            if action.type == type:
                yield action.id, action.data if isinstance(action, Put) else None


def _read(wals: Sequence, number: int) -> Batch:
    try:
        return decode_batch(wals.read(number), f"{wals.prefix}{number}")
    except NotFound:
        raise _compacted(number - 1) from None


def _compacted(after: int) -> Compacted:
    return Compacted(f"what follows commit {after} can no longer be told: read everything")
