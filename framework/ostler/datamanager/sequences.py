"""Numbered objects, of which each is created by one writer only: the log and the manifests.

Who decides between writers that want the same number is the storage itself,
where it creates exclusively, and the key-value store elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from ostler.ost import ObjectStorage

from .names import number_of, numbered

__all__ = ["Sequence", "StorageSequence"]


class Sequence(Protocol):
    """Objects 1, 2, 3, … below a prefix."""

    prefix: str

    def create(self, number: int, data: bytes) -> None:
        """Create an object; it is durable when this returns.

        Repeating it with the same bytes is right after any error.

        :raises Conflict: the number is taken (code ``"exists"``), perhaps by an earlier attempt.
        :raises Unavailable: whether it was done is to be seen by reading.
        """

    def read(self, number: int) -> bytes:
        """Return the bytes of an object.

        :raises NotFound: there is none, or it was removed.
        """

    def after(self, number: int) -> Iterator[int]:
        """Yield the numbers of the objects that follow ``number``, in order."""

    def persist(self, numbers: Iterable[int]) -> None:
        """Make objects durable that somebody else created.

        :raises NotFound: one of them was removed.
        """

    def remove(self, up_to: int) -> int:
        """Remove the objects up to a number, and what was left beside them; return how many."""


class StorageSequence:
    """A sequence in a storage that creates exclusively.

    :param prefix: ends in ``/``.
    """

    def __init__(self, ost: ObjectStorage, prefix: str) -> None:
        self._ost = ost
        self.prefix = prefix

    def create(self, number: int, data: bytes) -> None:
        self._ost.put(numbered(self.prefix, number), data, if_absent=True)

    def read(self, number: int) -> bytes:
        return self._ost.read(numbered(self.prefix, number))

    def after(self, number: int) -> Iterator[int]:
        start = numbered(self.prefix, number)
        for info in self._ost.objects(self.prefix, start_after=start):
            found = number_of(info.key)
            if found is not None:
                yield found

    def persist(self, numbers: Iterable[int]) -> None:
        self._ost.persist(numbered(self.prefix, number) for number in numbers)

    def remove(self, up_to: int) -> int:
        last = numbered(self.prefix, up_to + 1)
        keys = []
        for info in self._ost.objects(self.prefix):
            if info.key >= last:
                break
            keys.append(info.key)
        self._ost.delete_many(keys)
        return len(keys)
