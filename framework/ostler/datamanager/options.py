"""The figures that a datamanager is run with."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Options"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a datamanager weighs speed, memory and space.

    :param grace: seconds that what is no longer needed is kept at least. A
        process that was asleep for longer than half of it asks the storage
        whether what it knows is still true before it relies on it.
    :param keep_manifests: snapshots that are kept, the newest included.
    :param batch_bytes: of one commit; what is more waits for the next one. A
        transaction of its own may be larger, up to ``transaction_bytes``.
    :param transaction_bytes: of one transaction, at most.
    :param checkpoint_commits: write-ahead log objects after which a checkpoint is made.
    :param checkpoint_bytes: of the log, likewise.
    :param checkpoint_interval: seconds after which one is made if there is anything to write.
    :param commit_budget: seconds in which a commit that the storage does not
        answer is tried again, before its outcome is said to be unknown.
    :param poll: seconds between looks at the storage while nothing is heard from the store.
    :param cache_bytes: of data files in memory.
    :param file_size: bytes of a data file.
    :param block_size: bytes of a block of one, before compression.
    :param fanout: runs that are merged into one.
    :param overlap_ratio: bytes of the files that a merge rewrites, per byte of changes, at most.
    :param keep_groups: change groups that are remembered at least.
    """

    grace: float = 3600.0
    keep_manifests: int = 2
    batch_bytes: int = 8 << 20
    transaction_bytes: int = 64 << 20
    checkpoint_commits: int = 1000
    checkpoint_bytes: int = 16 << 20
    checkpoint_interval: float = 300.0
    commit_budget: float = 60.0
    poll: float = 2.0
    cache_bytes: int = 32 << 20
    file_size: int = 10 << 20
    block_size: int = 16 << 10
    fanout: int = 8
    overlap_ratio: float = 2.5
    keep_groups: int = 10_000
