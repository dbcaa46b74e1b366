"""The portable object storage."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice

from ostler.clock import Clock
from ostler.closing import Closing
from ostler.errors import BadRequest, Error, NotFound, Unavailable, Unknown
from ostler.retry import RetryPolicy
from ostler.spi.storage import (
    Body,
    Capabilities,
    CommonPrefix,
    ObjectInfo,
    Readable,
    StorageDriver,
)

from .body import ObjectBody
from .guard import Guard
from .keys import check_delimiter, check_key, check_prefix, check_range
from .reader import RangeReader
from .source import feed_of

__all__ = ["ObjectStorage"]

_BATCH = 1000
_SMALL = 1 << 20  # bytes of an object that is read at once


class _OnceIfUnknown:
    """A source that forbids what it is not known to be safe to repeat."""

    error: BaseException | None = None

    def repeatable(self, error: Error) -> bool:
        return not isinstance(error, Unknown)


_ONCE_IF_UNKNOWN = _OnceIfUnknown()


class ObjectStorage(Closing):
    """Objects by key, on any driver. Usable from many threads at once.

    Every key, prefix and range is checked before the driver sees it, and
    what was `Unavailable` is tried again. Apart from what each method lists,
    all of them raise `BadRequest` for wrong arguments, `Forbidden`,
    `Unauthorized`, `Unavailable` once the retries are used up, and `Internal`
    for a defect of the driver.

    :param driver: owned by the new storage, which closes it.
    :param clock: for the pauses between retries.
    :param retry: when to try again.
    :param prefix: of all keys, ending in ``/``; neither given nor shown by
        any method.
    """

    def __init__(
        self,
        driver: StorageDriver,
        *,
        clock: Clock,
        retry: RetryPolicy | None = None,
        prefix: str = "",
    ) -> None:
        _check_own_prefix(prefix)
        self._driver = driver
        self._guard = Guard(type(driver).__name__, retry or RetryPolicy(), clock)
        self._prefix = prefix
        self._owner = True
        self._known: Capabilities | None = None

    @property
    def capabilities(self) -> Capabilities:
        """What the driver can do. Some find out at a server, when it is first asked for."""
        known = self._known
        if known is None:
            driver = self._driver
            known = self._guard.run("try out", "the storage", lambda: driver.capabilities)
            self._known = known
        return known

    def with_prefix(self, prefix: str) -> ObjectStorage:
        """Return a view on the keys below ``prefix`` (ending in ``/``). Closing it does nothing."""
        _check_own_prefix(prefix)
        view = ObjectStorage.__new__(ObjectStorage)
        view._driver, view._guard = self._driver, self._guard
        view._prefix = self._prefix + prefix
        view._owner, view._known = False, self._known
        return view

    def stat(self, key: str) -> ObjectInfo:
        """Describe an object.

        :raises NotFound: there is none.
        """
        full = self._full(key)
        info = self._guard.run("stat", full, partial(self._driver.stat, full))
        return self._own(info) if self._prefix else info

    def exists(self, key: str) -> bool:
        """Tell whether there is such an object."""
        try:
            self.stat(key)
        except NotFound:
            return False
        return True

    def get(self, key: str, start: int = 0, end: int | None = None) -> ObjectBody:
        """Open the bytes ``start`` (included) to ``end`` (excluded; None: to the last).

        A range beyond the object is cut to it. What is read is one version.

        :raises NotFound: there is no such object.
        """
        full = self._full(key)
        if start or end is not None:
            check_range(start, end)
        call = partial(self._driver.get, full, start, end)
        info, body = self._guard.run("get", full, call)
        reopen = partial(self._driver.get, full)
        info = self._own(info) if self._prefix else info
        return ObjectBody(info, body, start, end, reopen, self._guard)

    def read(self, key: str) -> bytes:
        """Return all bytes of an object.

        :raises NotFound: there is none.
        """
        full = self._full(key)
        info, body = self._guard.run("get", full, partial(self._driver.get, full, 0, None))
        if info.size > _SMALL:
            reopen = partial(self._driver.get, full)
            with ObjectBody(info, body, 0, None, reopen, self._guard) as opened:
                return opened.read()
        data = _read_at_once(body)
        if len(data) == info.size:
            return data
        with self.get(key) as opened:  # it broke off: from the start, and with more patience
            return opened.read()

    def open(self, key: str, *, block: int = 1 << 20) -> io.BufferedReader:
        """Open an object as a seekable file that reads ahead ``block`` bytes at a time.

        Reading raises `Conflict` (code ``"changed"``) when the object is
        replaced meanwhile.

        :raises NotFound: there is none.
        """
        return io.BufferedReader(RangeReader(self.stat(key), partial(self.get, key)), block)

    def put(
        self,
        key: str,
        source: bytes | bytearray | memoryview | Readable,
        *,
        size: int | None = None,
        persist: bool = True,
        if_absent: bool = False,
    ) -> ObjectInfo:
        """Store what ``source`` yields: all of it or, whatever fails, nothing.

        What the source raises comes out unchanged. A source that was read and
        cannot be rewound is not tried again.

        :param size: in bytes, when it is known; a source that yields less or
            more is a `BadRequest` (code ``"size_mismatch"``). That of bytes is known.
        :param persist: return only when the object would survive a power loss.
        :param if_absent: only if there is no such object.
        :raises Conflict: ``if_absent``, and it exists (code ``"exists"``); or
            the key cannot be beside another one (code ``"key_conflict"``).
        :raises BadRequest: more than the driver can store (code ``"too_large"``).
        """
        full = self._full(key)
        feed = feed_of(source, size, self.capabilities, exclusive=if_absent)

        def attempt() -> ObjectInfo:
            return self._driver.put(
                full, feed.begin(), size=feed.size, persist=persist, if_absent=if_absent
            )

        info = self._guard.run("put", full, attempt, feed)
        return self._own(info) if self._prefix else info

    def persist(self, keys: Iterable[str]) -> None:
        """Make objects durable that were put with ``persist=False``: cheaper together than one by one.

        Not tried again when the outcome is unknown: what an operating system could
        not write it may have dropped, and says nothing the second time.

        :raises NotFound: one of them does not exist (where every put is durable, nobody looks).
        :raises Unknown: they may not be durable, ever: put them again.
        """
        if self.capabilities.always_durable:
            return  # asking for each whether it exists would be a request per object
        remaining = iter(keys)
        while batch := [self._full(key) for key in islice(remaining, _BATCH)]:
            call = partial(self._driver.persist, batch)
            self._guard.run("persist", f"{batch[0]} and others", call, _ONCE_IF_UNKNOWN)

    def delete(self, key: str) -> None:
        """Remove an object; one that is absent is no error."""
        full = self._full(key)
        self._guard.run("delete", full, partial(self._driver.delete, full))

    def delete_many(self, keys: Iterable[str]) -> None:
        """Remove objects, in batches and in no particular order.

        When it raises, any of them may be gone.
        """
        remaining = iter(keys)
        while batch := [self._full(key) for key in islice(remaining, _BATCH)]:
            call = partial(self._driver.delete_many, batch)
            self._guard.run("delete", f"{batch[0]} and others", call)

    def list(
        self, prefix: str = "", *, start_after: str = "", delimiter: str = ""
    ) -> Iterator[ObjectInfo | CommonPrefix]:
        """Yield what begins with ``prefix`` and comes after ``start_after``, in key order.

        Key order is that of the keys' UTF-8 bytes. It streams, unless the
        driver's `Capabilities.ordered_list` says no: then it is sorted here,
        in memory.

        :param prefix: may end anywhere, also inside a part.
        :param start_after: an item of an earlier listing, or anything else that a key may begin with.
        :param delimiter: one character: keys that hold it after the prefix
            are told once, as the `CommonPrefix` up to it.
        """
        check_prefix(prefix)
        check_prefix(self._prefix + prefix)
        check_prefix(start_after, what="start_after")
        check_delimiter(delimiter)
        after = self._prefix + start_after if start_after else ""
        items = self._listed(self._prefix + prefix, after, delimiter)
        if not self.capabilities.ordered_list:
            items = iter(sorted(items, key=_name_of))
        return map(self._own_item, items) if self._prefix else items

    def objects(self, prefix: str = "", *, start_after: str = "") -> Iterator[ObjectInfo]:
        """Yield the objects of `list` without a delimiter: no `CommonPrefix` is among them."""
        for item in self.list(prefix, start_after=start_after):
            assert isinstance(item, ObjectInfo)
            yield item

    def close(self) -> None:
        """Release the driver. Idempotent; on a view it does nothing."""
        if self._owner:
            self._owner = False
            self._driver.close()

    def _listed(
        self, prefix: str, after: str, delimiter: str
    ) -> Iterator[ObjectInfo | CommonPrefix]:
        """Yield from the driver's listing, begun again behind the last item when it breaks off."""
        resumable = self.capabilities.ordered_list
        last: ObjectInfo | CommonPrefix | None = None
        retries = self._guard.retries()
        while True:
            try:
                for item in self._driver.list(prefix, after, delimiter):
                    last = item
                    yield item
                return
            except Exception as error:
                typed = self._guard.typed("list", prefix, error)
            if last is not None:
                if not resumable:
                    raise typed
                after, last, retries = _name_of(last), None, self._guard.retries()
            retries.pause(typed)

    def _full(self, key: str) -> str:
        check_key(key)
        if not self._prefix:
            return key
        full = self._prefix + key
        check_key(full)
        return full

    def _own(self, info: ObjectInfo) -> ObjectInfo:
        return replace(info, key=info.key.removeprefix(self._prefix))

    def _own_item(self, item: ObjectInfo | CommonPrefix) -> ObjectInfo | CommonPrefix:
        if isinstance(item, CommonPrefix):
            return CommonPrefix(item.prefix.removeprefix(self._prefix))
        return self._own(item)


def _read_at_once(body: Body) -> bytes:
    """Return all of a body, or less when it breaks off."""
    try:
        return body.read()
    except Unavailable:
        return b""
    finally:
        body.close()


def _check_own_prefix(prefix: str) -> None:
    check_prefix(prefix)
    if prefix and not prefix.endswith("/"):
        raise BadRequest(f"the prefix of a storage ends in '/', {prefix!r} does not")


def _name_of(item: ObjectInfo | CommonPrefix) -> str:
    return item.prefix if isinstance(item, CommonPrefix) else item.key
