"""Compaction, and what is refused because of it.

Before 3.4.36, 3.5.19 and 3.6, etcd forgets the deletions at the very revision that it is compacted
to, and nobody can see whether there were any. A watch from there must tell them. So etcd is
compacted to the revision before, which this driver then refuses itself.
"""

from __future__ import annotations

from ostler.errors import Compacted

from . import wire_pb2 as wire
from .cluster import Cluster
from .methods import COMPACT, RANGE

__all__ = ["History"]


class History:
    """What of the past can be read.

    :param key: one that may be read.
    """

    def __init__(self, cluster: Cluster, key: bytes) -> None:
        self._cluster, self._key = cluster, key
        self._first = 0

    def compact(self, revision: int) -> None:
        """Forget what was before ``revision``.

        :raises BadRequest: that revision is in the future.
        """
        try:
            self._probe(revision)
            if revision > 1:
                self._cluster.call(COMPACT, wire.CompactionRequest(revision=revision - 1))
        except Compacted:
            pass  # by somebody else, and further
        self._first = max(self._first, revision)

    def refuse(self, revision: int) -> None:
        """Refuse to read at ``revision`` when this driver has compacted it away; 0: now.

        :raises Compacted: it has.
        """
        if 0 < revision < self._first:
            raise Compacted(
                f"revision {revision} is no longer kept: list again, and watch from there"
            )

    def refuse_begin(self, revision: int, present: int) -> None:
        """Refuse to watch from ``revision`` when somebody has compacted to it and deletions may be missing.

        :param present: the store's revision; only what begins in the past can be hit.
        :raises Compacted: somebody has.
        """
        if 1 < revision <= present:
            self._probe(revision - 1)

    def _probe(self, revision: int) -> None:
        request = wire.RangeRequest(key=self._key, revision=revision, count_only=True)
        self._cluster.call(RANGE, request)
