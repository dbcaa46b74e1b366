"""How far the log reaches, as the key-value store tells it: to wake watchers, never to decide.

Losing it loses nothing: it is written anew from what lies in object storage.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from ostler.errors import Conflict, Internal
from ostler.kv import KeyValueStore
from ostler.spi.kv import Compare, Get, KeyValue, Put, Target

from .names import HEAD

__all__ = ["Head", "Heads", "check_cluster", "furthest"]

_ATTEMPTS = 100


@dataclass(frozen=True, slots=True)
class Head:
    """What is published.

    :param commit: number of the newest commit.
    :param manifest: number of the newest manifest.
    """

    cluster: str
    commit: int
    manifest: int


class Heads:
    """Reads and publishes heads, each time in one transaction unless others write too."""

    def __init__(self, kv: KeyValueStore) -> None:
        self._kv = kv
        self._revision = 0
        self._current: Head | None = None

    def read(self) -> Head | None:
        """Return what is published; None: nothing, the store is new or was emptied."""
        return self._take(self._kv.get(HEAD))

    def publish(self, head: Head) -> None:
        """Say how far the log reaches, unless somebody has said more.

        :raises Conflict: the store belongs to another database (code ``"other_cluster"``).
        """
        try:
            self._publish(head)
        except Conflict:
            self._revision, self._current = 0, None  # look again the next time: it may be put right
            raise

    def _publish(self, head: Head) -> None:
        for _ in range(_ATTEMPTS):
            more = furthest(head, self._current)
            guard = Compare(HEAD, Target.MOD_REVISION, self._revision)
            put = Put(HEAD, json.dumps(asdict(more)).encode())
            result = self._kv.txn([guard], [put], [Get(HEAD)])
            if result.succeeded:
                self._revision, self._current = result.revision, more
                return
            if (current := self._take(result.reads[0])) == furthest(head, current):
                return

    def _take(self, item: KeyValue | None) -> Head | None:
        self._revision, self._current = item.mod_revision if item else 0, None
        if item is None:
            return None
        try:
            self._current = Head(**json.loads(item.value))
            return self._current
        except (ValueError, TypeError) as error:
            raise Internal(
                f"the value of {item.key!r} in the key-value store is damaged: {error}. Delete the "
                "key: it is written anew from object storage",
                code="damaged",
                details={"object": item.key},
            ) from error


def furthest(head: Head, current: Head | None) -> Head:
    """Return what says as much as both.

    :raises Conflict: they are of two databases.
    """
    if current is None:
        return head
    check_cluster(current, head.cluster)
    return Head(
        head.cluster, max(head.commit, current.commit), max(head.manifest, current.manifest)
    )


def check_cluster(head: Head, cluster: str) -> None:
    """Refuse a key-value store that belongs to another database.

    :raises Conflict: code ``"other_cluster"``.
    """
    if head.cluster != cluster:
        raise Conflict(
            f"the key-value store belongs to the database {head.cluster} and the object storage "
            f"holds {cluster}: they were not made together. Name the store that belongs to this "
            "storage, or an empty one",
            code="other_cluster",
        )
