"""The half of the file system that tells what there is."""

from __future__ import annotations

from abc import abstractmethod
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from fsspec.spec import AbstractFileSystem
from fsspec.utils import stringify_path, tokenize

from ostler.errors import NotFound
from ostler.ost import ObjectStorage

from ._entries import Entry, directory, entry, is_directory, listed, with_directories
from ._failures import as_os_errors, missing

__all__ = ["Directories"]

_MAGIC = "*?["


class Directories(AbstractFileSystem):
    """Objects and directories of a storage. Nothing is cached: every answer is the storage's own.

    A directory is there as long as an object lies in it, so making one does
    nothing. Where a path is an object and a directory at once, which flat
    storages allow, `info` tells of the object and `ls` of what lies in the
    directory. Errors are `OSError` and `ValueError`, see `os_error`.
    """

    protocol = "ost"

    @property
    @abstractmethod
    def object_storage(self) -> ObjectStorage:
        """The storage."""

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        """Return the key in a URL or path; keys neither begin nor end with a ``/``."""
        if isinstance(path, list):
            return [cls._strip_protocol(each) for each in path]
        text: str = stringify_path(path)
        return text.removeprefix("ost://").strip("/")

    def info(self, path: str, **kwargs: Any) -> Entry:
        """Describe an object, with one request; or a directory, with two.

        :raises FileNotFoundError: there is neither.
        """
        path = self._strip_protocol(path)
        with as_os_errors(path):
            found = self._object(path)
            if found is None and not is_directory(self.object_storage, path):
                raise missing(path)
        return found or directory(path)

    def exists(self, path: str, **kwargs: Any) -> bool:
        """Tell whether there is an object or a directory. What goes wrong is raised, not a no."""
        try:
            self.info(path)
        except FileNotFoundError:
            return False
        return True

    def isfile(self, path: str) -> bool:
        """Tell, with one request, whether there is an object."""
        path = self._strip_protocol(path)
        with as_os_errors(path):
            return self._object(path) is not None

    def isdir(self, path: str) -> bool:
        """Tell, with one request, whether there is a directory."""
        path = self._strip_protocol(path)
        with as_os_errors(path):
            return is_directory(self.object_storage, path)

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> list[Any]:
        """List a directory, with one request (for every thousand names, where a storage pages).

        :param detail: infos instead of paths. Of an object, the object.
        :raises FileNotFoundError: there is neither.
        """
        path = self._strip_protocol(path)
        with as_os_errors(path):
            found = list(listed(self.object_storage, path, "", 1))
            if not found and path:
                found = [self._existing(path)]
        return found if detail else [each["name"] for each in found]

    def find(
        self,
        path: str,
        maxdepth: int | None = None,
        withdirs: bool = False,
        detail: bool = False,
        prefix: str = "",
        **kwargs: Any,
    ) -> Any:
        """List the objects below ``path``, with one listing unless ``maxdepth`` is given.

        :param maxdepth: levels; each directory is a listing then.
        :param withdirs: directories as well, ``path`` included.
        :param detail: a dict of path to info instead of a list of paths.
        :param prefix: that what lies directly in ``path`` must begin with.
        """
        path = self._strip_protocol(path)
        if maxdepth is not None and maxdepth < 1:
            raise ValueError(f"maxdepth must be at least 1, not {maxdepth}")
        with as_os_errors(path):
            entries = listed(self.object_storage, path, prefix, maxdepth)
            found = {each["name"]: each for each in _wanted(path, entries, withdirs)}
            if withdirs and path and found and not prefix:
                found[path] = directory(path)
            if not found and path and not prefix and (alone := self._object(path)):
                found[path] = alone
        names = sorted(found)
        return {name: found[name] for name in names} if detail else names

    def glob(self, path: str, maxdepth: int | None = None, **kwargs: Any) -> Any:
        """Find what matches a pattern, as fsspec does; only what begins like it is listed."""
        stripped = self._strip_protocol(path)
        at = min((stripped.find(mark) for mark in _MAGIC if mark in stripped), default=None)
        if at is not None:
            kwargs.setdefault("prefix", stripped[:at].rpartition("/")[2])
        return super().glob(path, maxdepth=maxdepth, **kwargs)

    def du(
        self,
        path: str,
        total: bool = True,
        maxdepth: int | None = None,
        withdirs: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Sum the sizes of the objects below ``path`` in bytes, from the listing alone.

        :param total: False: a dict of path to size.
        """
        found = self.find(path, maxdepth=maxdepth, withdirs=withdirs, detail=True)
        sizes = {name: each["size"] for name, each in found.items()}
        return sum(sizes.values()) if total else sizes

    def modified(self, path: str) -> datetime:
        """Return when an object was stored, in UTC.

        :raises FileNotFoundError: there is no such object.
        """
        return datetime.fromtimestamp(self._existing(path)["mtime"], UTC)

    def created(self, path: str) -> datetime:
        """Return the same as `modified`: objects are never changed, only replaced."""
        return self.modified(path)

    def ukey(self, path: str) -> str:
        """Return what changes whenever the object does: its etag, if the storage has any.

        :raises FileNotFoundError: there is no such object.
        """
        found = self._existing(path)
        return found["etag"] or sha256(repr(found).encode()).hexdigest()

    def checksum(self, path: str) -> int:
        """Return `ukey` as a number."""
        return int(tokenize(self.ukey(path)), 16)

    def mkdir(self, path: str, create_parents: bool = True, **kwargs: Any) -> None:
        """Do nothing: a directory is there once something lies in it."""

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Do nothing: a directory is there once something lies in it."""

    def _existing(self, path: str) -> Entry:
        path = self._strip_protocol(path)
        with as_os_errors(path):
            found = self._object(path)
        if found is None:
            raise missing(path)
        return found

    def _object(self, path: str) -> Entry | None:
        """Return the entry of the object ``path``, None when there is none."""
        if not path:
            return None
        try:
            return entry(self.object_storage.stat(path))
        except NotFound:
            return None


def _wanted(path: str, entries: Any, withdirs: bool) -> Any:
    if withdirs:
        return with_directories(path, entries)
    return (each for each in entries if each["type"] == "file")
