"""Sequences where the storage cannot create exclusively: the key-value store decides.

An object is first put under a name of its own (``wal/<n>-<digest>``), then the
store decides in a transaction which of them gets the number, and then it is put
under the number. Only that is a commit, so a store that is lost can be rebuilt
from the storage. Before it is acknowledged the store is asked once more: one
that was emptied or put back meanwhile no longer says what it said.
"""

from __future__ import annotations

from collections.abc import Callable

from ostler.errors import Conflict, NotFound, Unknown
from ostler.kv import KeyValueStore, absent
from ostler.ost import ObjectStorage
from ostler.spi.kv import Compare, Delete, KeyValue, Operation, Put, Target

from .names import numbered
from .sealing import digest_of
from .sequences import StorageSequence

__all__ = ["KvSequence", "sequence"]

_REMEMBERED = 64


class KvSequence(StorageSequence):
    """A sequence whose numbers are given by the key-value store.

    :param floor: returns a number that the sequence has reached: its objects up to there may be gone.
    """

    def __init__(
        self, ost: ObjectStorage, kv: KeyValueStore, prefix: str, floor: Callable[[], int]
    ) -> None:
        super().__init__(ost, prefix)
        self.floor = floor
        self._kv = kv
        self._last_key = f"{prefix}last"

    def create(self, number: int, data: bytes) -> None:
        name, digest = numbered(self.prefix, number), digest_of(data).hex()
        own = f"{name}-{digest}"
        self._ost.put(own, data)
        if self._decide(number, digest) != digest:
            self._ost.delete(own)
            raise Conflict(f"{name} is taken", code="exists")
        stored = self._stored(number) or self._place(number, data)
        if stored is not None:
            if digest_of(stored).hex() != digest:
                self._rebuild(self._kv.get(self._last_key))
                raise Conflict(f"{name} is taken", code="exists")
            self.persist([number])  # who stored it may not have come that far
        decided = self._kv.get(name)
        if decided is None or decided.value.decode() != digest:
            raise Unknown(f"the key-value store was put back while {name} was written")
        self._ost.delete(own)

    def read(self, number: int) -> bytes:
        stored = self._stored(number)
        return self._complete(number) if stored is None else stored

    def _stored(self, number: int) -> bytes | None:
        try:
            return super().read(number)
        except NotFound:
            return None

    def _complete(self, number: int) -> bytes:
        """Finish what a writer left that got the number and died.

        :raises NotFound: nobody has the number.
        """
        name = numbered(self.prefix, number)
        decided = self._kv.get(name)
        if decided is None:
            raise NotFound(f"there is no object {name!r}")
        own = f"{name}-{decided.value.decode()}"
        try:
            data = self._ost.read(own)
        except NotFound:
            return super().read(number)  # it was finished meanwhile, or removed
        return self._place(number, data) or data

    def _place(self, number: int, data: bytes) -> bytes | None:
        """Put an object under its number; return what is there already, where the storage can tell.

        A storage that was found not to create exclusively may only have been
        slow to answer, and another process may have found that it does.
        """
        name = numbered(self.prefix, number)
        try:
            self._ost.put(name, data, if_absent=self._ost.capabilities.exclusive_put)
        except Conflict:
            return super().read(number)
        return None

    def _decide(self, number: int, digest: str) -> str:
        """Return the digest of the object that has the number, this one if nobody had it."""
        key = numbered(self.prefix, number)
        while True:
            decided = self._kv.get(key)
            if decided is not None:
                return decided.value.decode()
            last = self._kv.get(self._last_key)
            if last is None or int(last.value) < number - 1:
                if self._rebuild(last) < number - 1:
                    raise Conflict(f"{key} does not follow the last number", code="exists")
            elif int(last.value) >= number:
                return ""
            elif self._kv.txn([_still(last)], self._take(number, digest)).succeeded:
                return digest

    def _take(self, number: int, digest: str) -> list[Operation]:
        operations: list[Operation] = [
            Put(self._last_key, str(number).encode()),
            Put(numbered(self.prefix, number), digest.encode()),
        ]
        if number > _REMEMBERED:
            operations.append(Delete(numbered(self.prefix, number - _REMEMBERED)))
        return operations

    def _rebuild(self, last: KeyValue | None) -> int:
        """Write anew how far the sequence goes, as the storage has it, if ``last`` still stands; return it."""
        number = max([self.floor(), *self.after(0)])
        guard = _still(last) if last else absent(self._last_key)
        operations: list[Operation] = [Put(self._last_key, str(number).encode())]
        stored = self._stored(number) if number else None
        if stored is not None:
            digest = digest_of(stored).hex().encode()
            operations.append(Put(numbered(self.prefix, number), digest))
        self._kv.txn([guard], operations)
        return number


def sequence(
    ost: ObjectStorage,
    kv: KeyValueStore,
    prefix: str,
    arbiter: str,
    floor: Callable[[], int] = int,
) -> StorageSequence:
    """Return a sequence whose numbers are given by ``arbiter``: ``"storage"`` or ``"kv"``."""
    if arbiter == "storage":
        return StorageSequence(ost, prefix)
    return KvSequence(ost, kv, prefix, floor)


def _still(item: KeyValue) -> Compare:
    return Compare(item.key, Target.MOD_REVISION, item.mod_revision)
