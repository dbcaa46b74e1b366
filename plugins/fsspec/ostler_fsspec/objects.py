"""Object stores: an object appears when its upload is complete."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from ostler.errors import BadRequest, Forbidden, Unavailable
from ostler.spi.storage import Capabilities, ObjectInfo, Readable

from .bodies import BLOCK, Fetch, changed, complete
from .clients import Client
from .failures import no_container, said_by, translated, typed, unsure
from .general import GeneralBackend, exists
from .infos import is_object
from .pieces import head_of
from .places import drop

__all__ = ["GcsBackend", "S3Backend"]

_PARTS = 9000  # of 10,000, since parts may come out smaller than asked for
_BATCH = 1000
_MARK = "ostler-put"


class ObjectsBackend(GeneralBackend):
    """One request for what is small; else an upload in parts, which is given up when it fails."""

    clients_most = 0
    path_bytes = 1024
    part: ClassVar[int] = 8 << 20
    """Bytes of a part, where the size is not known or is not very large."""

    def __init__(self, connect: Callable[[], Any], root: str) -> None:
        super().__init__(connect, root.strip("/"))
        if not self.root:
            raise BadRequest(f"the path of a storage on {self.name} begins with a bucket: name it")

    def find_out(self) -> Capabilities:
        return Capabilities(
            exclusive_put=self._refuses_second(),
            always_durable=True,
            max_unknown_size=self.part * _PARTS,
        )

    def put(
        self, path: str, key: str, source: Readable, size: int | None, *, exclusive: bool
    ) -> ObjectInfo:
        data, whole = head_of(source, size, self.head)
        with self.clients.use() as client:
            if whole:
                return self._put_small(client, path, key, data, exclusive=exclusive)
            self._put_parts(client, path, key, data, source, size, exclusive=exclusive)
        return self.describe(key, self.info(path))

    def remove(self, path: str) -> None:
        with self.clients.use() as client:
            try:
                client.call("rm_file", path)
            except FileNotFoundError as error:
                if no_container(error):
                    raise

    def told(self, key: str, size: int, answer: Any) -> ObjectInfo | None:
        """Describe what was put in one request, if its ``answer`` tells enough."""
        return None

    def marked(self, mark: str) -> Mapping[str, Any]:
        """Return what `pipe_file` takes to store ``mark`` with an object."""
        return {"metadata": {_MARK: mark}}

    def mark_of(self, client: Client, path: str) -> str | None:
        """Return the mark that was stored with an object; None when it has none, or is gone."""
        try:
            found: Mapping[str, str] = client.call("info", path).get("metadata") or {}
        except FileNotFoundError:
            return None
        return found.get(_MARK)

    def _put_small(
        self, client: Client, path: str, key: str, data: bytes, *, exclusive: bool
    ) -> ObjectInfo:
        if exclusive:
            answer = self._create(client, path, key, data)
        else:
            answer = client.call("pipe_file", path, data)
        return self.told(key, len(data), answer) or self.describe(key, self.info(path))

    def _create(self, client: Client, path: str, key: str, data: bytes) -> Any:
        """Put what must not exist yet, with a mark by which it is known again.

        The libraries below repeat a request whose connection broke (aiohttp a PUT, gcsfs every
        one), and the second time it meets the object that it made itself.
        """
        mark = uuid.uuid4().hex
        try:
            return client.call("pipe_file", path, data, mode="create", **self.marked(mark))
        except Exception as error:
            if _is_taken(error) and self.mark_of(client, path) == mark:
                return None
            raise _of_exclusive(error, key) from error

    def _put_parts(
        self,
        client: Client,
        path: str,
        key: str,
        data: bytes,
        source: Readable,
        size: int | None,
        *,
        exclusive: bool,
    ) -> None:
        part = max(self.part, -(-(size or 0) // _PARTS))
        handle = client.call("open", path, "xb" if exclusive else "wb", block_size=part)
        try:
            self.write_all(client, handle, data, source, size)
        except BaseException:
            self._give_up(handle)
            raise
        try:
            handle.close()
        except Exception as error:
            self._give_up(handle)
            if exclusive:
                raise _of_exclusive(error, key) from error
            raise

    def _give_up(self, handle: Any) -> None:
        """Discard the parts that were sent, and keep the handle from sending more."""
        handle.closed = True
        try:
            handle.discard()
        except Exception:
            return  # the error that led here is what matters; the store's own rules clean up

    def _refuses_second(self) -> bool:
        """Whether the store honours the condition, which some that look like S3 ignore."""
        probe = self.draft()
        with self.clients.use() as client:
            try:
                client.call("pipe_file", probe, b"1", mode="create")
                client.call("pipe_file", probe, b"2", mode="create")
            except Exception as error:
                if _is_taken(error):
                    return True
                if isinstance(typed(error, "write"), Unavailable):
                    raise
                return False  # may not be written to, or knows no condition
            finally:
                drop(client, probe)
        return False


class S3Backend(ObjectsBackend):
    """s3fs. Every range is asked for on condition that the etag is the one that was seen first."""

    name = "s3"
    grain = 1.0  # HEAD tells whole seconds, a listing more
    forbidden = ("?versionId=",)

    @classmethod
    def options(cls, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """Leave repeating to Ostler: repeated below it, an exclusive put meets its own object."""
        config = {"retries": {"total_max_attempts": 1}, **given.get("config_kwargs", {})}
        return {**given, "config_kwargs": config}

    def prepared(self, fs: Any) -> Any:
        fs.retries = 1  # as above: this is s3fs's own count, of tries
        return fs

    def told(self, key: str, size: int, answer: Any) -> ObjectInfo | None:
        etag = answer.get("ETag") if isinstance(answer, dict) else None
        return ObjectInfo(key, size, time.time(), etag) if etag else None

    def marked(self, mark: str) -> Mapping[str, Any]:
        return {"Metadata": {_MARK: mark}}

    def mark_of(self, client: Client, path: str) -> str | None:
        try:
            found: Mapping[str, str] = client.call("metadata", path)
        except FileNotFoundError:
            return None
        return found.get(_MARK)

    def version(self, path: str, key: str) -> tuple[ObjectInfo, Fetch]:
        with self.clients.use() as client:
            handle = client.call("open", path, "rb", block_size=BLOCK, cache_type="none")
        if not is_object(handle.details):
            raise FileNotFoundError(path)
        return self.describe(key, handle.details), partial(_read, handle, key)

    def remove_many(self, paths: Sequence[str]) -> None:
        """In one request per 1000, since what s3fs has for it says nothing of those that it failed at."""
        with self.clients.use() as client:
            for at in range(0, len(paths), _BATCH):
                places = [client.fs.split_path(path) for path in paths[at : at + _BATCH]]
                doomed = {"Objects": [{"Key": key} for _, key, _ in places], "Quiet": True}
                call = {"Bucket": places[0][0], "Delete": doomed}
                for failure in client.call("call_s3", "delete_objects", **call).get("Errors", ()):
                    kind = Forbidden if failure.get("Code") == "AccessDenied" else Unavailable
                    raise kind(f"cannot delete {failure.get('Key')!r}: {failure.get('Message')}")


class GcsBackend(ObjectsBackend):
    """gcsfs. What is said of it is from its source and Google's documentation; it was not tried."""

    name = "gcs"


def _read(handle: Any, key: str, low: int, high: int) -> bytes:
    """Return bytes of the version that a handle was opened on."""
    with translated(f"read {key!r}", absent=lambda: changed(key)):
        try:
            handle.seek(low)
            data: bytes = handle.read(high - low)
        except Exception as error:
            # s3fs trips over a refusal without a message, as Ceph's is: its status tells.
            if type(error).__name__ == "FileExpired" or _is_refused(error):
                raise changed(key) from error
            raise
    return complete(data, high - low, key)


def _is_taken(error: BaseException) -> bool:
    return isinstance(error, FileExistsError) or _is_refused(error)


def _is_refused(error: BaseException) -> bool:
    """Whether the server says that a condition does not hold."""
    return any(code == "PreconditionFailed" or status == 412 for code, status in said_by(error))


def _of_exclusive(error: Exception, key: str) -> Exception:
    """Return what a failed exclusive put means."""
    if _is_taken(error):
        return exists(key)
    found = typed(error, f"store {key!r}")
    if type(found) is Unavailable and not any(status for _code, status in said_by(error)):
        return unsure(found)
    return found
