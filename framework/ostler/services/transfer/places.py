"""A part of a storage: everything below a prefix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ostler.errors import Internal
from ostler.ost import ObjectStorage
from ostler.spi.storage import ObjectInfo

__all__ = ["Place", "StorageKey"]

StorageKey = tuple[ObjectStorage, str]
"""A storage and a key in it."""


@dataclass(frozen=True, slots=True)
class Place:
    """The keys of a storage below a prefix. Their *names* are what follows the prefix.

    :param prefix: ends in ``/``, or is empty: all of the storage.
    :param title: what messages call it; without secrets.
    """

    storage: ObjectStorage
    prefix: str = ""
    title: str = ""

    def objects(self) -> Iterator[tuple[str, ObjectInfo]]:
        """Yield names and objects in order of the names; it streams.

        :raises Internal: the driver's listing is out of order. Whoever compares two
            listings would otherwise take for absent what is there, and remove it.
        """
        last = ""
        for info in self.storage.objects(self.prefix):
            if info.key <= last:
                raise Internal(
                    f"the listing of {self.title or 'the storage'} tells {info.key!r} after "
                    f"{last!r}, which is not the order of keys: report this to the author of "
                    "the storage's plugin"
                )
            last = info.key
            yield info.key.removeprefix(self.prefix), info

    def empty(self) -> bool:
        """Tell whether there is no object."""
        return next(self.objects(), None) is None
