"""The key-value store driver: what a plugin implements to add a store.

The model is etcd's: one revision counter for the whole store, transactions of
comparisons and operations, watches from a revision, leases. The portable
`ostler.kv.KeyValueStore` stands in front of every driver. Drivers are
synchronous and must be usable from many threads at once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from ostler.closing import Closing

from .info import TypeInfo

__all__ = [
    "Compare",
    "Delete",
    "Event",
    "Get",
    "KeyValue",
    "KvCapabilities",
    "KvDriver",
    "KvType",
    "Lease",
    "Operation",
    "Page",
    "Put",
    "Target",
    "TxnResult",
    "Watch",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class KvType(TypeInfo):
    """A key-value store type. The factory: ``(settings) -> KvDriver``.

    :param schemes: URL schemes that mean this type, as those of `ostler.spi.storage.StorageType`.
    """

    schemes: tuple[str, ...]
    selectable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class KvCapabilities:
    """What a store can do.

    :param durable: an acknowledged transaction survives power loss.
    :param shared: several processes may have it open at once.
    :param max_operations: most comparisons plus operations of one transaction;
        None when there is no limit.
    :param max_value_size: in bytes; None when there is no limit.
    """

    durable: bool = True
    shared: bool = True
    max_operations: int | None = None
    max_value_size: int | None = None


@dataclass(frozen=True, slots=True)
class KeyValue:
    """A key as it was at some revision.

    :param create_revision: when it came to be (again).
    :param mod_revision: when it was last written.
    :param version: writes since it came to be, from 1.
    :param lease: id of the lease that it dies with; 0: none.
    """

    key: str
    value: bytes
    create_revision: int
    mod_revision: int
    version: int
    lease: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a listing.

    :param revision: the store's revision that was read; 1 for a store that was never written.
    :param items: in the order of the keys' UTF-8 bytes.
    :param more: whether keys follow after the last item.
    """

    revision: int
    items: tuple[KeyValue, ...]
    more: bool


class Target(Enum):
    """What a comparison looks at."""

    CREATE_REVISION = "create_revision"
    MOD_REVISION = "mod_revision"
    VERSION = "version"
    VALUE = "value"


@dataclass(frozen=True, slots=True)
class Compare:
    """``<target> of key == expected``. A key that is absent has 0 for the first three, and no value equals it.

    Absence is ``Compare(key, Target.CREATE_REVISION, 0)``.
    """

    key: str
    target: Target
    expected: int | bytes


@dataclass(frozen=True, slots=True)
class Put:
    """Write a key; with a lease it disappears when the lease does."""

    key: str
    value: bytes
    lease: int = 0


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a key, or with ``prefix=True`` all keys that begin with it. Absence is no error."""

    key: str
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Get:
    """Read a key within the transaction, after the operations that stand before it."""

    key: str


Operation = Put | Delete | Get


@dataclass(frozen=True, slots=True)
class TxnResult:
    """What a transaction did.

    :param succeeded: whether all comparisons held, and so which branch ran.
    :param revision: the store's revision afterwards; a transaction that writes
        raises it by exactly one, and all its writes carry it.
    :param reads: one entry per `Get` of that branch, in order; None: absent.
    """

    succeeded: bool
    revision: int
    reads: tuple[KeyValue | None, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """One change of one key.

    :param revision: of the transaction that changed it.
    :param value: the key as written, or None when it was deleted.
    """

    revision: int
    key: str
    value: KeyValue | None


@dataclass(frozen=True, slots=True)
class Lease:
    """A promise to stay alive.

    :param id: positive.
    :param ttl: seconds after the last keep-alive until its keys are deleted.
    """

    id: int
    ttl: float


class Watch(Closing):
    """An open watch, closed as a context manager. One thread reads it; any thread may close it."""

    @abstractmethod
    def next(self, timeout: float | None = None) -> tuple[Event, ...]:
        """Return the next events, in order of revision, at least one; ``()`` when time runs out or it was closed.

        All events of one transaction come in one answer. Nothing is left out
        and nothing comes twice.

        :param timeout: seconds; None: wait without end.
        :raises Compacted: events between the last one given and the oldest kept are gone.
        :raises Unavailable: the store cannot be reached; calling again goes on where it stopped.
        """

    @abstractmethod
    def close(self) -> None:
        """End it: a `next` that waits returns ``()``. Idempotent."""


class KvDriver(ABC):
    """A connection to one store.

    The caller guarantees of keys: 1 to 512 bytes of UTF-8 without NUL; a prefix
    is any string that begins some such key, or empty. Every method raises
    `Unavailable` when the store cannot be reached or is busy for too long,
    `Unknown` when a transaction may or may not have been applied, and
    `Internal` for damage.
    """

    @property
    @abstractmethod
    def capabilities(self) -> KvCapabilities:
        """What this driver can do, constant while it is open."""

    @abstractmethod
    def get(self, key: str) -> KeyValue | None:
        """Return the key as it is now, every acknowledged write included; None: absent."""

    @abstractmethod
    def list(self, prefix: str, *, start_after: str, limit: int, revision: int) -> Page:
        """Return up to ``limit`` keys that begin with ``prefix`` and are greater than ``start_after``.

        :param limit: at least 1.
        :param revision: as of this revision, so that pages fit together; 0: now.
        :raises Compacted: that revision is no longer kept.
        :raises BadRequest: that revision is in the future.
        """

    @abstractmethod
    def txn(
        self,
        compares: Sequence[Compare],
        then: Sequence[Operation],
        otherwise: Sequence[Operation],
    ) -> TxnResult:
        """Run ``then`` when all comparisons hold, else ``otherwise``; all of it or nothing.

        Durable when it returns. No key is written twice in one branch (the
        caller guarantees it). A transaction that writes nothing (deleting what
        is absent writes nothing) leaves the revision as it is.

        :raises NotFound: a `Put` names a lease that does not exist; nothing is applied.
        """

    @abstractmethod
    def watch(self, prefix: str, revision: int) -> Watch:
        """Watch all keys that begin with ``prefix``, from ``revision`` (included); 0: from now.

        Gap-free between `list` and `watch(…, page.revision + 1)`.

        :raises Compacted: at `Watch.next`, when that revision is no longer kept.
        """

    @abstractmethod
    def compact(self, revision: int) -> None:
        """Forget what was before ``revision``: the present value of every key stays.

        Listings at ``revision`` and later, and watches from it, still work.
        Idempotent; what was forgotten already is no error.

        :raises BadRequest: that revision is in the future.
        """

    @abstractmethod
    def grant(self, ttl: float) -> Lease:
        """Make a lease. ``ttl`` in seconds, at least 1; the store may make it longer."""

    @abstractmethod
    def keep_alive(self, lease_id: int) -> None:
        """Begin the lease's time anew.

        :raises NotFound: it has run out or was revoked.
        """

    @abstractmethod
    def revoke(self, lease_id: int) -> None:
        """End the lease and delete its keys in one transaction. Idempotent."""

    @abstractmethod
    def close(self) -> None:
        """Release everything, end all watches. Leases live on until they run out. Idempotent."""
