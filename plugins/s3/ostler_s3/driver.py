"""The driver: objects in a bucket."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from typing import Any

import obstore
from obstore.store import S3Store

from ostler.errors import Error, NotFound
from ostler.spi.storage import (
    Body,
    Capabilities,
    CommonPrefix,
    ObjectInfo,
    Readable,
    StorageDriver,
)

from .admin import Administration
from .answers import answer_of
from .bodies import CHECKSUM, Lane, LargeBody, SmallBody
from .credentials import Access, find_access
from .failures import Failures
from .listing import Lister
from .probing import Abilities, probe
from .processes import check_process
from .settings import S3Settings
from .stores import open_store
from .uploads import Uploads

__all__ = ["S3Storage", "open_driver"]

_log = logging.getLogger("ostler.s3")

_LONGEST = 1024  # bytes of a key in a bucket, the prefix included
_SURELY_SHORT = _LONGEST // 4  # characters


def open_driver(settings: S3Settings) -> S3Storage:
    """Open a storage in a bucket. Unless the bucket is to be made, nothing is sent yet.

    :raises BadRequest: the settings name files or a profile that do not serve.
    """
    access = find_access(settings)
    driver = S3Storage(settings, access, open_store(settings, access))
    if settings.create_bucket:
        driver.ensure_bucket()
    return driver


class S3Storage(StorageDriver):
    """Objects in a bucket of S3, or of what is compatible.

    Small bodies are verified against the checksum that they were stored with.
    A body of more than one part that is replaced while it is read breaks off
    with `Unavailable` (code ``"changed"``).
    """

    def __init__(self, settings: S3Settings, access: Access, store: S3Store) -> None:
        self.settings, self._access, self._store = settings, access, store
        self._root = settings.prefix
        place = f"bucket {settings.bucket!r}"
        if access.endpoint_url:
            place += f" at {access.endpoint_url}"
        self._failures = Failures(place)
        self.admin = Administration(settings, access, self._failures)
        self._uploads = Uploads(settings, store, self.admin, self._failures)
        self._opening = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._lane: Lane | None = None
        self._reached = False
        self._sweeper: threading.Thread | None = None

    @cached_property
    def capabilities(self) -> Capabilities:
        """What the server can do: known of AWS, tried out at others when it is first asked for."""
        abilities = self._abilities()
        return Capabilities(
            exclusive_put=abilities.exclusive,
            ordered_list=abilities.ordered,
            always_durable=True,
            max_object_size=self.settings.max_object_size,
            max_unknown_size=self.settings.max_unknown_size,
        )

    def ensure_bucket(self) -> None:
        """Make the bucket when it is absent."""
        check_process()
        try:
            self._asked_again("probes/bucket")
        except NotFound:
            return
        except Error as error:
            if error.code != "no_bucket":
                raise
            self.admin.make_bucket()

    def stat(self, key: str) -> ObjectInfo:
        check_process()
        try:
            meta: Any = obstore.head(self._store, self._root + key)
        except Exception as error:
            answer = answer_of(error)
            if answer.code or (answer.status != 403 and self._reached):
                raise self._failures.typed(error, key) from error
            meta = self._asked_again(key)
        self._reached = True
        return _info(key, meta)

    def get(self, key: str, start: int, end: int | None) -> tuple[ObjectInfo, Body]:
        check_process()
        if end is not None and start >= end:
            return self.stat(key), self._empty(key)
        part = self.settings.part_size
        options = _range_options(start, end, part) if start or end is not None else None
        try:
            result = obstore.get(self._store, self._root + key, options=options)
        except Exception as error:
            if answer_of(error).status == 416:
                return self.stat(key), self._empty(key)
            raise self._failures.typed(error, key) from error
        self._reached = True
        info = _info(key, result.meta)
        last = info.size if end is None else min(end, info.size)
        if last - start <= part:
            whole = last - start == info.size
            checksum = result.attributes.get(CHECKSUM, "") if whole else ""
            return info, SmallBody(result, key, self._failures, checksum)
        return info, self._large(key, result, start, last)

    def put(
        self,
        key: str,
        source: Readable,
        *,
        size: int | None,
        persist: bool,
        if_absent: bool,
    ) -> ObjectInfo:
        check_process()
        if (
            len(self._root) + len(key) > _SURELY_SHORT
            and len((self._root + key).encode()) > _LONGEST
        ):
            raise self._failures.too_long(key)
        if self._sweeper is None:
            self._begin_to_sweep()
        info = self._uploads.put(key, source, size, if_absent=if_absent)
        self._reached = True
        return info

    def persist(self, keys: Sequence[str]) -> None:
        """Every put is durable: there is nothing to do."""

    def delete(self, key: str) -> None:
        check_process()
        self._delete(self._root + key, key)

    def delete_many(self, keys: Iterable[str]) -> None:
        check_process()
        paths = [self._root + key for key in keys]
        if paths:
            self._delete(paths, paths[0])

    def list(
        self, prefix: str, start_after: str, delimiter: str
    ) -> Iterator[ObjectInfo | CommonPrefix]:
        check_process()
        lister = Lister(
            self._root,
            partial(obstore.list, self._store),
            self.admin.pages,
            lambda error: self._failures.typed(error, prefix),
            ordered=self.capabilities.ordered_list,
        )
        if delimiter:
            return lister.grouped(prefix, start_after, delimiter)
        return lister.objects(prefix, start_after)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
        self.admin.close()

    def _abilities(self) -> Abilities:
        exclusive, ordered = self.settings.exclusive_put, self.settings.ordered_list
        if self._access.aws:
            # Directory buckets of S3 Express are the one kind that lists in no order.
            known = Abilities(exclusive=True, ordered=not self.settings.bucket.endswith("--x-s3"))
        elif exclusive != "auto" and ordered != "auto":
            known = Abilities(exclusive, ordered)
        else:
            known = probe(self._store, self._root, lambda error: self._failures.typed(error, ""))
        return Abilities(
            known.exclusive if exclusive == "auto" else exclusive,
            known.ordered if ordered == "auto" else ordered,
        )

    def _asked_again(self, key: str) -> Any:
        """Ask for a byte: a HEAD has no room for the reason, and a bucket may be what is missing."""
        try:
            return obstore.get(self._store, self._root + key, options={"range": (0, 1)}).meta
        except Exception as error:
            if answer_of(error).status == 416:
                return obstore.head(self._store, self._root + key)  # there now, and empty
            typed = self._failures.typed(error, key)
            self._reached = isinstance(typed, NotFound)
            raise typed from error

    def _empty(self, key: str) -> Body:
        return SmallBody(None, key, self._failures, "")

    def _large(self, key: str, result: Any, start: int, end: int) -> Body:
        fetch = partial(self._fetch, key, result.meta["e_tag"])
        return LargeBody(
            result, start, end, partial(self._failures.typed, key=key), fetch, self._open_lane()
        )

    def _fetch(self, key: str, etag: str, start: int, end: int) -> memoryview:
        options = {"range": (start, end), "if_match": etag}
        try:
            found = obstore.get(self._store, self._root + key, options=options)  # type: ignore[arg-type]
            return memoryview(found.bytes())
        except FileNotFoundError as error:
            raise self._failures.changed(key) from error
        except Exception as error:
            raise self._failures.typed(error, key) from error

    def _open_lane(self) -> Lane:
        with self._opening:
            if self._lane is None:
                number = self.settings.concurrency
                self._pool = ThreadPoolExecutor(number, thread_name_prefix="ostler-s3")
                ahead = threading.Semaphore(max(0, number - 1))
                self._lane = Lane(self._pool, ahead, self.settings.part_size)
            return self._lane

    def _delete(self, paths: str | Sequence[str], key: str) -> None:
        try:
            obstore.delete(self._store, paths)
        except FileNotFoundError as error:
            typed = self._failures.typed(error, key)
            if not isinstance(typed, NotFound):
                raise typed from error
        except Exception as error:
            raise self._failures.typed(error, key) from error

    def _begin_to_sweep(self) -> None:
        with self._opening:
            if self._sweeper is None:
                self._sweeper = threading.Thread(target=self._sweep, daemon=True, name="s3-sweep")
                if self.settings.stale_upload_age:
                    self._sweeper.start()

    def _sweep(self) -> None:
        try:
            count = self.admin.abort_stale(self.settings.stale_upload_age)
        except Error as error:
            if self.admin.closed:
                return  # whoever opens it next sweeps
            _log.warning("unfinished uploads of dead processes were not removed: %s", error)
            return
        if count:
            _log.info("removed %d unfinished uploads of dead processes", count)


def _range_options(start: int, end: int | None, part: int) -> Any:
    """Ask for all where all is wanted; of a range for its first part, the others follow."""
    if end is not None:
        return {"range": (start, min(end, start + part))}
    return {"range": {"offset": start}} if start else None


def _info(key: str, meta: Any) -> ObjectInfo:
    etag = meta["e_tag"]
    modified = meta["last_modified"].timestamp() // 1
    return ObjectInfo(key, meta["size"], modified, etag and etag.strip('"'))
