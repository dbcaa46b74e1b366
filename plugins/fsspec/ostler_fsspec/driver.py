"""The storage type `fsspec`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from ostler.errors import BadRequest
from ostler.spi.storage import (
    Body,
    Capabilities,
    CommonPrefix,
    ObjectInfo,
    Readable,
    StorageDriver,
    grouped,
)

from .connecting import open_backend
from .failures import translated
from .general import GeneralBackend, missing
from .infos import Info
from .listing import walk
from .settings import FsspecSettings

__all__ = ["FsspecStorage", "open_driver"]

T = TypeVar("T")


class FsspecStorage(StorageDriver):
    """Every object is a file of an fsspec file system, at its key below the storage's path.

    :param backend: the file system, owned by the driver.
    """

    def __init__(self, backend: GeneralBackend) -> None:
        self._backend = backend

    @property
    def capabilities(self) -> Capabilities:
        return self._backend.capabilities

    def stat(self, key: str) -> ObjectInfo:
        path = self._path_of_existing(key)
        with translated(f"describe {key!r}", absent=lambda: missing(key)):
            return self._backend.describe(key, _found(self._backend.info, path))

    def get(self, key: str, start: int, end: int | None) -> tuple[ObjectInfo, Body]:
        path = self._path_of_existing(key)
        with translated(f"read {key!r}", absent=lambda: missing(key)):
            return _found(lambda path: self._backend.open(path, key, start, end), path)

    def put(
        self, key: str, source: Readable, *, size: int | None, persist: bool, if_absent: bool
    ) -> ObjectInfo:
        fault = self._fault(key)
        if fault:
            raise BadRequest(f"{key[:80]!r} cannot be a key here: {fault}", code="bad_key")
        reader = _Source(source)
        try:
            with translated(f"store {key!r}"):
                path = self._path(key)
                return self._backend.put(path, key, reader, size, exclusive=if_absent)
        except Exception:
            if reader.error is not None:
                raise reader.error from None
            raise

    def persist(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.stat(key)

    def delete(self, key: str) -> None:
        if self._fault(key):
            return  # such an object cannot be
        with translated(f"delete {key!r}"):
            self._backend.remove(self._path(key))

    def delete_many(self, keys: Iterable[str]) -> None:
        possible = [self._path(key) for key in keys if not self._fault(key)]
        with translated(f"delete {len(possible)} objects"):
            self._backend.remove_many(possible)

    def list(
        self, prefix: str, start_after: str, delimiter: str
    ) -> Iterator[ObjectInfo | CommonPrefix]:
        if delimiter == "/":
            return self._items(walk(self._entries, prefix, start_after, descend=False))
        found = walk(self._entries, prefix, start_after)
        objects = (self._backend.describe(key, info) for key, info in found if info is not None)
        return grouped(objects, prefix, start_after, delimiter) if delimiter else objects

    def close(self) -> None:
        self._backend.close()

    def _items(
        self, found: Iterator[tuple[str, Info | None]]
    ) -> Iterator[ObjectInfo | CommonPrefix]:
        for key, info in found:
            if info is None:
                yield CommonPrefix(key)
            else:
                yield self._backend.describe(key, info)

    def _entries(self, directory: str) -> Sequence[Info]:
        path = self._path(directory)
        path = path.rstrip("/") or path[:1]
        with translated(f"list {directory!r}", absent=lambda: missing(directory)):
            found = self._backend.entries(path)
        # Some tell a file when asked for what is in it, or, as web servers, what is elsewhere.
        inside = f"{path.strip('/')}/".lstrip("/")
        return [info for info in found if str(info["name"]).lstrip("/").startswith(inside)]

    def _path(self, key: str) -> str:
        return self._backend.base + key

    def _path_of_existing(self, key: str) -> str:
        if self._fault(key):
            raise missing(key)
        return self._path(key)

    def _fault(self, key: str) -> str:
        """Say why the file system cannot hold ``key``; empty when it can."""
        backend = self._backend
        for text in backend.forbidden:
            if text in key:
                return f"{text!r} means something else to the file system {backend.name}"
        most = backend.name_bytes
        if most and any(len(part.encode()) > most for part in key.split("/")):
            return f"the file system {backend.name} takes names of at most {most} bytes"
        inside = self._path(key).partition("/")[2]
        if backend.path_bytes and len(inside.encode()) > backend.path_bytes:
            return f"with the prefix of the storage it is longer than {backend.path_bytes} bytes"
        return ""


class _Source:
    """A source whose own error is told from the file system's."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self.error: BaseException | None = None

    def read(self, size: int = -1, /) -> bytes:
        try:
            return self._source.read(size)
        except BaseException as error:
            self.error = error
            raise


def open_driver(settings: FsspecSettings) -> FsspecStorage:
    """Open the storage that the settings name; raises as `connecting.open_backend` does."""
    return FsspecStorage(open_backend(settings))


def _found(call: Callable[[str], T], path: str) -> T:
    """Call with a path; what is below a file, or is a directory, is no object."""
    try:
        return call(path)
    except (NotADirectoryError, IsADirectoryError) as error:
        raise FileNotFoundError(path) from error
