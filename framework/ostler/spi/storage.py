"""The object storage driver: what a plugin implements to add a storage.

The framework never calls a driver directly: the portable `ostler.ost.ObjectStorage`
stands in front of it, and guarantees what is written below as "the caller
guarantees". Drivers are synchronous and must be usable from many threads at once.
"""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ostler.closing import Closing

from .info import TypeInfo

__all__ = [
    "Body",
    "BytesBody",
    "Capabilities",
    "CommonPrefix",
    "ObjectInfo",
    "Readable",
    "StorageDriver",
    "StorageType",
    "grouped",
    "least_name",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageType(TypeInfo):
    """An object storage type. The factory is called with the settings: ``(settings) -> StorageDriver``.

    :param schemes: URL schemes that mean this type (``("s3",)``). One that ends in
        ``+`` is a family: ``"fsspec+"`` stands for ``fsspec+gs``, ``fsspec+sftp`` and every
        other scheme that begins so, unless a type names that one in full. The URL
        reaches the settings model as the fields that ``from_url`` of the model
        returns, see `ostler.spi.settings`.
    :param selectable: False when settings may name it only together with
        ``allow_unselectable``.
    """

    schemes: tuple[str, ...]
    selectable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a driver can do, as it really is.

    :param atomic_put: a reader never sees a part of an object.
    :param exclusive_put: ``if_absent`` is honoured: of many racing writers one wins.
    :param durable_put: ``persist=True`` means safe from power loss.
    :param always_durable: so does ``persist=False``; `StorageDriver.persist` is not called.
    :param ordered_list: listings come in the order of the keys' UTF-8 bytes.
    :param consistent_list: a listing sees everything written before it began.
    :param flat: a key may be an object and, with ``/``, a prefix of others.
    :param max_object_size: in bytes; None when there is no limit.
    :param max_unknown_size: the same for a source of unknown size.
    """

    atomic_put: bool = True
    exclusive_put: bool = True
    durable_put: bool = True
    always_durable: bool = False
    ordered_list: bool = True
    consistent_list: bool = True
    flat: bool = True
    max_object_size: int | None = None
    max_unknown_size: int | None = None


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object as it is stored.

    :param key: its key, relative to the storage.
    :param size: in bytes.
    :param modified: seconds since 1970-01-01 UTC, by the storage's clock. `stat`, `get` and
        `list` agree on it; what a `put` returns may have the time of this machine instead,
        where the storage does not tell it and asking would cost another request.
    :param etag: changes whenever the object's bytes do; None when the backend has none.
    """

    key: str
    size: int
    modified: float
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class CommonPrefix:
    """Stands in a listing with a delimiter for all keys that begin with ``prefix``."""

    prefix: str


class Readable(Protocol):
    """Where bytes come from. A short read is not the end; an empty one is."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to ``size`` bytes, all of them when negative, ``b""`` at the end."""


class Body(Closing):
    """The bytes of a `get`, read once from front to back, by one thread at a time."""

    @abstractmethod
    def read(self, size: int = -1, /) -> bytes:
        """Return up to ``size`` bytes, all that is left when negative, ``b""`` at the end.

        A body that breaks off before its promised length must raise
        `Unavailable`, never end early.
        """

    @abstractmethod
    def close(self) -> None:
        """Release what the body holds. Idempotent; also right in mid-stream."""


class BytesBody(Body):
    """Bytes in memory, for drivers that have all of them at once."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, size: int = -1, /) -> bytes:
        return self._data.read(size)

    def close(self) -> None:
        self._data.close()


class StorageDriver(ABC):
    """A connection to one storage.

    The caller guarantees of every key: 1 to 1024 bytes of UTF-8, parts
    separated by ``/``, no part empty, ``.`` or ``..``, no control character.
    A prefix is any string that begins some such key, or empty; it may end
    anywhere, not only after a ``/``.

    Errors are those of `ostler.errors`, and nothing else leaves a driver but
    what the source of a `put` raised. `NotFound` and `Conflict` as said at each
    method; `Forbidden` and `Unauthorized` for rights; `Unavailable` whenever a
    later try may succeed (the portable type retries, the driver does not);
    `BadRequest` for what this storage can never do.
    """

    @property
    @abstractmethod
    def capabilities(self) -> Capabilities:
        """What this driver can do, constant while it is open."""

    @abstractmethod
    def stat(self, key: str) -> ObjectInfo:
        """Describe the object ``key``.

        :raises NotFound: there is none. A directory or a common prefix is none.
        """

    @abstractmethod
    def get(self, key: str, start: int, end: int | None) -> tuple[ObjectInfo, Body]:
        """Open the bytes ``start`` (included) to ``end`` (excluded; None: to the last).

        The caller guarantees ``0 <= start`` and ``end is None or start <= end``.
        A range that goes beyond the object is cut to it, down to nothing. What
        is read is one version of the object, also when it is overwritten
        meanwhile; the info describes that version, whole. Where a backend keeps no
        version that was overwritten, the body of a large object may break off
        with `Unavailable`, code ``"changed"``.

        :raises NotFound: there is no such object: raised here, not while reading.
        """

    @abstractmethod
    def put(
        self,
        key: str,
        source: Readable,
        *,
        size: int | None,
        persist: bool,
        if_absent: bool,
    ) -> ObjectInfo:
        """Store what ``source`` yields as ``key``, replacing what was there.

        Atomic: readers see the old object, the new one, or none, never a part.
        Whatever fails, or is cancelled by an exception of the source (which
        must come out unchanged), leaves nothing behind.

        :param size: bytes that the source will yield, or None when unknown.
            The caller guarantees that a source of known size yields exactly
            that many or raises. Memory stays bounded whatever the size.
        :param persist: True: when this returns, the object survives a power
            loss: its bytes, its name, and every directory made on the way.
            False: no synchronisation at all, otherwise the same.
        :param if_absent: store only when the key does not exist.
        :raises Conflict: ``if_absent`` and the key exists (code
            ``"exists"``), also when another writer won the race; or the key
            cannot be beside an existing one (code ``"key_conflict"``).
        """

    @abstractmethod
    def persist(self, keys: Sequence[str]) -> None:
        """Make objects durable that were put with ``persist=False``, as if it had been True.

        For many small objects at once: a backend that synchronises per object
        does it here for all of them together. Where ``persist`` changes nothing
        there is nothing to do (see `Capabilities.always_durable`). Idempotent.

        :raises NotFound: one of them does not exist.
        """

    @abstractmethod
    def delete(self, key: str) -> None:
        """Remove the object. What is absent already is no error (idempotent)."""

    def delete_many(self, keys: Iterable[str]) -> None:
        """Remove many objects, in no particular order; as `delete` otherwise.

        Drivers with a bulk call override this. When it raises, any of them may be gone.
        """
        for key in keys:
            self.delete(key)

    @abstractmethod
    def list(
        self, prefix: str, start_after: str, delimiter: str
    ) -> Iterator[ObjectInfo | CommonPrefix]:
        """Yield what begins with ``prefix`` and comes after ``start_after``.

        In the order of the keys' UTF-8 bytes (when `Capabilities.ordered_list`
        says so), everything written before the first item is asked for
        included. Lazily: neither memory nor the time to the first item depends
        on the number of keys that follow.

        :param start_after: skip what is less than or equal to this; empty: skip nothing.
            It need not exist nor begin with the prefix.
        :param delimiter: empty or one character. With one, keys that hold it
            after the prefix are told once as `CommonPrefix`, which ends with the
            delimiter, at the place of the first of them. A common prefix is
            skipped when it is less than or equal to ``start_after``; one of which
            ``start_after`` is a key (it begins with the common prefix) is told
            only if a key after ``start_after`` begins with it.
        """

    @abstractmethod
    def close(self) -> None:
        """Release everything. Idempotent; no other method is called afterwards."""


def grouped(
    objects: Iterable[ObjectInfo], prefix: str, start_after: str, delimiter: str
) -> Iterator[ObjectInfo | CommonPrefix]:
    """Fold an ordered listing into one with a delimiter, for drivers whose backend knows none.

    :param objects: what begins with ``prefix`` and comes after ``start_after``, in order.
    """
    folded: str | None = None
    for info in objects:
        if folded is not None and info.key.startswith(folded):
            continue
        at = info.key.find(delimiter, len(prefix))
        if at < 0:
            yield info
            continue
        folded = info.key[: at + len(delimiter)]
        if folded != start_after:
            yield CommonPrefix(folded)


def least_name(directory: str, start_after: str) -> str | None:
    """Return the least name in a directory that leads beyond ``start_after``, for drivers that walk a tree.

    Names of directories are compared with the ``/`` at their end, which is the order of keys.

    :param directory: of keys: empty, or ending in ``/``.
    :returns: empty when every name does; None when none does.
    """
    if not start_after.startswith(directory):
        return "" if start_after < directory else None
    rest = start_after[len(directory) :]
    if not rest:
        return ""
    first, slash, _ = rest.partition("/")
    return first + "/" if slash else rest + "\0"
