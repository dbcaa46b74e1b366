"""Puts: one request for what is small, parts for what is large, one winner where it is exclusive."""

from __future__ import annotations

import logging
import time
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import uuid4

import obstore
from obstore.exceptions import AlreadyExistsError
from obstore.store import S3Store

from ostler.errors import BadRequest, Conflict, Error, Unknown
from ostler.spi.storage import ObjectInfo, Readable

from .admin import Administration
from .bodies import CHECKSUM
from .failures import Failures
from .settings import MIB, S3Settings

__all__ = ["Uploads"]

_log = logging.getLogger("ostler.s3")

_WRITER = "ostler-writer"
"""The user metadata by which an exclusive put knows its own object again."""

_MEMORY = 64 * MIB  # of the parts of one upload
_PIECE = MIB  # obstore puts parts together without copying, so that none is held twice


class Uploads:
    """Stores objects in one bucket."""

    def __init__(
        self, settings: S3Settings, store: S3Store, admin: Administration, failures: Failures
    ) -> None:
        self._settings, self._store = settings, store
        self._admin, self._failures = admin, failures
        self._exclusive_parts: bool | None = None

    def put(self, key: str, source: Readable, size: int | None, *, if_absent: bool) -> ObjectInfo:
        """Store what ``source`` yields.

        :raises Error: typed; what the source raises comes out unchanged.
        """
        if size is not None and size <= self._settings.part_size:
            return self._put_whole(key, _read(source, size), if_absent=if_absent)
        part = self._settings.part_size_for(
            self._settings.max_unknown_size if size is None else size
        )
        pieces = _Pieces(source, part if if_absent else _PIECE)
        if size is None and pieces.read_ahead(part) < part:
            return self._put_whole(key, pieces.all_ahead(), if_absent=if_absent)
        if if_absent:
            return self._put_parts_exclusively(key, pieces)
        return self._put_parts(key, pieces, part)

    def _put_whole(self, key: str, data: bytes, *, if_absent: bool) -> ObjectInfo:
        attributes = {CHECKSUM: f"{zlib.crc32(data):08x}"}
        if if_absent:
            return self._put_new(key, data, attributes | {_WRITER: uuid4().hex})
        try:
            done = obstore.put(
                self._store,
                self._settings.prefix + key,
                data,
                attributes=attributes,
                use_multipart=False,
            )
        except Exception as error:
            raise self._failures.typed(error, key, writing=True) from error
        return _info(key, len(data), done["e_tag"])

    def _put_new(self, key: str, data: bytes, attributes: dict[str, str]) -> ObjectInfo:
        """Store what is not there yet.

        A request whose answer was lost is made again, and then meets the object
        that it had made itself: the writer's mark in it tells.
        """
        try:
            done = obstore.put(
                self._store, self._settings.prefix + key, data, attributes=attributes, mode="create"
            )
        except AlreadyExistsError as error:
            return self._settled(key, attributes[_WRITER], self._failures.typed(error, key))
        except Exception as error:
            typed = self._failures.typed(error, key, writing=True)
            if not isinstance(typed, Unknown):
                raise typed from error
            return self._settled(key, attributes[_WRITER], typed)
        return _info(key, len(data), done["e_tag"])

    def _settled(self, key: str, writer: str, error: Error) -> ObjectInfo:
        """Return the object if it is ours; raise ``error`` if it is another's, or still not known."""
        try:
            found = obstore.get(self._store, self._settings.prefix + key, options={"head": True})
        except FileNotFoundError:
            # Another request was in the way and failed, or ours may still arrive.
            if isinstance(error, Conflict):
                raise self._failures.unsettled(key) from error
            raise error from None
        except Exception as again:
            raise self._failures.undecided(key, again) from error
        if found.attributes.get(_WRITER) == writer:
            return _info(key, found.meta["size"], found.meta["e_tag"])
        raise self._failures.exists(key) from error

    def _put_parts(self, key: str, pieces: _Pieces, part: int) -> ObjectInfo:
        try:
            done = obstore.put(
                self._store,
                self._settings.prefix + key,
                pieces,
                use_multipart=True,
                chunk_size=part,
                max_concurrency=self._concurrency(part),
            )
        except Exception as error:
            if error is pieces.error:
                raise
            if pieces.error is not None:  # and the upload could not be aborted: a sweep does it
                _log.warning("an unfinished upload of %r stays until it is swept: %s", key, error)
                raise pieces.error from error
            raise self._failures.typed(error, key, writing=True) from error
        return _info(key, pieces.size, done["e_tag"])

    def _concurrency(self, part: int) -> int:
        return max(1, min(self._settings.concurrency, _MEMORY // part))

    def _put_parts_exclusively(self, key: str, parts: Iterable[bytes]) -> ObjectInfo:
        """By calls of our own: obstore cannot complete an upload on a condition."""
        self._require_exclusive_parts()
        return self._upload(key, parts)

    def _require_exclusive_parts(self) -> None:
        """Try it out, once: some servers ignore the condition where an upload is completed."""
        if self._exclusive_parts is None:
            key = f"probes/{uuid4().hex}"
            try:
                self._upload(key, [b"1"])
                self._exclusive_parts = self._refused(key)
            finally:
                self._admin.call("delete_object", key)
        if not self._exclusive_parts:
            raise BadRequest(
                "this server does not honour If-None-Match where an upload of parts is completed: an "
                f"exclusive put of more than {self._settings.part_size} bytes would not be one; raise "
                "part_size, or put without if_absent",
                code="unsupported",
            )

    def _refused(self, key: str) -> bool:
        try:
            self._upload(key, [b"2"])
        except Conflict:
            return True
        return False

    def _upload(self, key: str, parts: Iterable[bytes]) -> ObjectInfo:
        call, writer = self._admin.call, uuid4().hex
        upload = call("create_multipart_upload", key, Metadata={_WRITER: writer})["UploadId"]
        size, done = 0, list[dict[str, Any]]()
        try:
            for number, data in enumerate(parts, start=1):
                answer = call("upload_part", key, UploadId=upload, PartNumber=number, Body=data)
                done.append({"PartNumber": number, "ETag": answer["ETag"]})
                size += len(data)
            return _info(key, size, self._complete(key, upload, done, writer))
        except BaseException:
            self._admin.abandon(key, upload)
            raise

    def _complete(
        self, key: str, upload: str, parts: Sequence[dict[str, Any]], writer: str
    ) -> str | None:
        """Complete an upload of what is not there yet; a completion that is repeated may meet itself."""
        try:
            answer = self._admin.call(
                "complete_multipart_upload",
                key,
                UploadId=upload,
                MultipartUpload={"Parts": parts},
                IfNoneMatch="*",
            )
        except Error as error:
            if error.code in ("PreconditionFailed", "ConditionalRequestConflict", "exists"):
                error = self._failures.exists(key)
            elif not isinstance(error, Unknown) and error.code != "no_upload":
                raise
            return self._settled(key, writer, error).etag
        return str(answer["ETag"])


class _Pieces:
    """Yields the source by pieces, and remembers what it raised.

    :param piece: bytes of each, the last one excepted.
    """

    def __init__(self, source: Readable, piece: int) -> None:
        self.size = 0
        self.error: BaseException | None = None
        self._source, self._piece = source, piece
        self._ahead = deque[bytes]()

    def read_ahead(self, size: int) -> int:
        """Read the first pieces, of ``size`` bytes together; return how many bytes there were."""
        read = 0
        while read < size and (data := _read(self._source, min(self._piece, size - read))):
            self._ahead.append(data)
            read += len(data)
        return read

    def all_ahead(self) -> bytes:
        """Return what was read ahead."""
        return b"".join(self._ahead)

    def __iter__(self) -> Iterator[bytes]:
        while data := self._ahead.popleft() if self._ahead else self._next():
            self.size += len(data)
            yield data

    def _next(self) -> bytes:
        try:
            return _read(self._source, self._piece)
        except BaseException as error:
            self.error = error
            raise


def _read(source: Readable, size: int) -> bytes:
    """Read ``size`` bytes, fewer only at the source's end."""
    data = source.read(size)
    if len(data) == size or not data:
        return data
    pieces, left = [data], size - len(data)
    while left and (data := source.read(left)):
        pieces.append(data)
        left -= len(data)
    return b"".join(pieces)


def _info(key: str, size: int, etag: str | None) -> ObjectInfo:
    return ObjectInfo(key, size, time.time(), etag and etag.strip('"'))
