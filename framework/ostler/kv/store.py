"""The portable key-value store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ostler.clock import Clock
from ostler.errors import BadRequest, Conflict
from ostler.retry import RetryPolicy
from ostler.spi import (
    Compare,
    Delete,
    KeyValue,
    KvCapabilities,
    KvDriver,
    Operation,
    Page,
    Put,
    Target,
    TxnResult,
)

from .attempts import Attempts
from .checks import check_key, check_prefix, check_txn
from .lease import KeptLease
from .scope import Scope
from .watch import Watching

if TYPE_CHECKING:
    from .election import Election
    from .mutex import Mutex

__all__ = ["KeyValueStore", "absent", "unchanged"]

_PAGE = 1000


def absent(key: str) -> Compare:
    """Return the comparison that holds when ``key`` does not exist."""
    return Compare(key, Target.CREATE_REVISION, 0)


def unchanged(item: KeyValue) -> Compare:
    """Return the comparison that holds as long as nobody has written the key since ``item`` was read."""
    return Compare(item.key, Target.MOD_REVISION, item.mod_revision)


class KeyValueStore:
    """A key-value store over any driver. Usable from many threads at once; a context manager is not needed.

    Keys are 1 to 512 bytes of UTF-8 without NUL, values are bytes. Every
    method raises `BadRequest` before the driver sees what can never work, and
    `Unavailable` when the retries are used up. What may have been done already
    (`Unknown`) is tried again only when doing it twice does no harm.

    :param retry: how often to try again, and how patiently.
    :param prefix: goes before every key and is never seen: a part of the
        store that looks like a whole one. Revisions stay those of the whole.
    """

    def __init__(
        self,
        driver: KvDriver,
        *,
        clock: Clock,
        retry: RetryPolicy | None = None,
        prefix: str = "",
    ) -> None:
        check_prefix(prefix)
        self._driver, self.clock = driver, clock
        self._retry = retry or RetryPolicy()
        self._attempts = Attempts(self._retry, clock)
        self._scope = Scope(prefix)
        self._capabilities = driver.capabilities
        self._closed = False

    @property
    def capabilities(self) -> KvCapabilities:
        """What the store can do."""
        return self._capabilities

    @property
    def prefix(self) -> str:
        """What goes before every key."""
        return self._scope.prefix

    def with_prefix(self, prefix: str) -> KeyValueStore:
        """Return the part of this store below ``prefix``, over the same driver: close one of them."""
        return KeyValueStore(
            self._driver, clock=self.clock, retry=self._retry, prefix=self.prefix + prefix
        )

    def get(self, key: str) -> KeyValue | None:
        """Return the key as it is now, every acknowledged write included; None: absent."""
        check_key(key)
        full = self._key(key)
        return self._scope.key_value(self._attempts.repeat(lambda: self._open().get(full)))

    def list(
        self, prefix: str = "", *, start_after: str = "", limit: int = _PAGE, revision: int = 0
    ) -> Page:
        """Return up to ``limit`` keys that begin with ``prefix`` and are greater than ``start_after``.

        :param revision: as of this revision; 0: now.
        :raises Compacted: that revision is no longer kept.
        :raises BadRequest: that revision is in the future.
        """
        check_prefix(prefix)
        check_prefix(start_after, what="start_after")
        if limit < 1 or revision < 0:
            raise BadRequest("a listing needs a limit of at least 1 and no negative revision")
        full, after = self._key(prefix), self._key(start_after) if start_after else ""
        return self._scope.page(
            self._attempts.repeat(
                lambda: self._open().list(full, start_after=after, limit=limit, revision=revision)
            )
        )

    def items(
        self, prefix: str = "", *, revision: int = 0, limit: int = _PAGE
    ) -> Iterator[KeyValue]:
        """Yield all keys that begin with ``prefix``, in order, as of one revision.

        :param limit: keys per page.
        :raises Compacted: in mid-stream, when the reading takes longer than history is kept.
        """
        page = self.list(prefix, limit=limit, revision=revision)
        while True:
            yield from page.items
            if not page.more:
                return
            page = self.list(
                prefix,
                start_after=page.items[-1].key,
                limit=limit,
                revision=page.revision,
            )

    def put(self, key: str, value: bytes, *, lease: int = 0) -> int:
        """Write a key, whatever it was; durable. Return the revision that wrote it.

        :raises NotFound: the lease does not exist.
        """
        return self.txn(then=[Put(key, value, lease)]).revision

    def delete(self, key: str, *, prefix: bool = False) -> int:
        """Delete a key, or all that begin with it; absence is no error. Return the store's revision."""
        return self.txn(then=[Delete(key, prefix)]).revision

    def txn(
        self,
        compares: Sequence[Compare] = (),
        then: Sequence[Operation] = (),
        otherwise: Sequence[Operation] = (),
    ) -> TxnResult:
        """Run ``then`` when all comparisons hold, else ``otherwise``; all of it or nothing; durable.

        :raises NotFound: a `Put` names a lease that does not exist.
        :raises Unknown: it may or may not have been done: read before trying again.
        """
        check_txn(compares, then, otherwise, self._capabilities)
        scope = self._scope
        arguments = (scope.compares(compares), scope.operations(then), scope.operations(otherwise))
        if scope.prefix:
            check_txn(*arguments, self._capabilities)
        return scope.result(self._attempts.write(lambda: self._open().txn(*arguments)))

    def watch(self, prefix: str = "", *, revision: int = 0) -> Watching:
        """Watch all keys that begin with ``prefix``, from ``revision`` (included); 0: from now.

        Gap-free between a `list` and ``watch(…, revision=page.revision + 1)``.
        """
        check_prefix(prefix)
        full = self._key(prefix)
        inner = self._attempts.repeat(lambda: self._open().watch(full, revision))
        return Watching(inner, self._scope, self._attempts, self.clock)

    def lease(self, ttl: float) -> KeptLease:
        """Grant a lease and keep it alive until it is closed.

        :param ttl: seconds, at least 1.
        """
        if not ttl >= 1:
            raise BadRequest(f"a lease of {ttl} s is too short: at least 1 s")
        return KeptLease(self._open(), self._attempts, self.clock, ttl)

    def mutex(self, name: str, ttl: float) -> Mutex:
        """Return a mutex; nobody holds it by that.

        :param name: its keys begin with it and ``/``.
        :param ttl: seconds after which a dead holder's lock is free.
        """
        from .mutex import Mutex  # it is built on this module

        check_key(name)
        return Mutex(self, name, ttl)

    def election(self, name: str, value: bytes, ttl: float) -> Election:
        """Return a candidate, who does not campaign yet.

        :param name: its keys begin with it and ``/``.
        :param value: what the candidate says of itself.
        :param ttl: seconds after which a dead leader is replaced.
        """
        from .election import Election  # it is built on this module

        check_key(name)
        return Election(self, name, value, ttl)

    def compact(self, revision: int) -> None:
        """Forget what was before ``revision``; the present value of every key stays.

        :raises BadRequest: that revision is in the future.
        """
        self._attempts.repeat(lambda: self._open().compact(revision))

    def close(self) -> None:
        """Close the driver and end all watches; leases live on until they run out. Idempotent."""
        self._closed = True
        self._driver.close()

    def _key(self, key: str) -> str:
        if not self._scope.prefix:
            return key
        full = self._scope.prefix + key
        check_prefix(full, what="key")
        return full

    def _open(self) -> KvDriver:
        if self._closed:
            raise Conflict("this key-value store was closed: open it again", code="closed")
        return self._driver
