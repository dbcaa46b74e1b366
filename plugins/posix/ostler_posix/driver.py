"""The storage type `posix`: keys are paths."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import chain

from ostler.errors import BadRequest, Conflict
from ostler.spi.storage import (
    Body,
    Capabilities,
    CommonPrefix,
    ObjectInfo,
    Readable,
    StorageDriver,
    grouped,
)

from .content import fill, open_range
from .directories import Directories, key_conflict
from .drafts import Drafts
from .durability import persist_files
from .failures import typed
from .infos import ABSENT, Versions, info_of, infos, unreadable
from .listing import is_occupied, walk
from .settings import PosixSettings

__all__ = ["PosixStorage"]

_SMALL = 256 << 10
_NAME_BYTES = 255


class PosixStorage(StorageDriver):
    """Every object is a file of its own, at its key below the storage's directory.

    Symbolic links, devices and names that no key has are not objects and are not shown.
    """

    def __init__(self, settings: PosixSettings) -> None:
        root = settings.path.rstrip("/")
        self._base = f"{root}/"
        self._persist = settings.persist
        self._capabilities = Capabilities(flat=False, durable_put=settings.persist)
        self._directories = Directories(root)
        self._drafts = Drafts(root)
        self._versions = Versions()
        self._drafts.sweep()

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def stat(self, key: str) -> ObjectInfo:
        try:
            found = os.lstat(self._base + key)
        except OSError as error:
            raise unreadable(error, key) from error
        return info_of(key, found)

    def get(self, key: str, start: int, end: int | None) -> tuple[ObjectInfo, Body]:
        return open_range(self._base + key, key, start, end)

    def put(
        self, key: str, source: Readable, *, size: int | None, persist: bool, if_absent: bool
    ) -> ObjectInfo:
        if len(key) > _NAME_BYTES or not key.isascii():
            _check_names(key)
        path = self._base + key
        persist = persist and self._persist
        small = size is not None and size <= _SMALL
        if if_absent and not small and os.path.isfile(path):
            raise _exists(key)  # before much is written for nothing; the link decides
        nameless = if_absent or not small
        draft = self._drafts.nameless() if nameless else self._drafts.named()
        try:
            fill(draft.descriptor, source, size, persist=persist)
            info = self._versions.describe(key, draft.descriptor)
            step = draft.link if if_absent else draft.replace
            try:
                step(path)
            except OSError:
                self._publish(step, path, key)
        finally:
            draft.close()
        if persist:
            self._directories.persist(os.path.dirname(path))
        return info

    def persist(self, keys: Sequence[str]) -> None:
        if self._persist:
            files = [(key, self._base + key) for key in keys]
            persist_files(self._base, files, self._directories)

    def delete(self, key: str) -> None:
        path = self._base + key
        try:
            os.unlink(path)
        except OSError as error:
            if error.errno in ABSENT or error.errno == errno.EISDIR:
                return
            raise typed(error, f"delete {key!r}") from error
        self._directories.prune(os.path.dirname(path))

    def list(
        self, prefix: str, start_after: str, delimiter: str
    ) -> Iterator[ObjectInfo | CommonPrefix]:
        if delimiter == "/":
            runs = walk(self._base, prefix, start_after, descend=False)
            return chain.from_iterable(self._items(base, names) for base, names in runs)
        runs = walk(self._base, prefix, start_after)
        objects = chain.from_iterable(self._infos(base, names) for base, names in runs)
        return grouped(objects, prefix, start_after, delimiter) if delimiter else objects

    def close(self) -> None:
        self._drafts.close()
        self._directories.close()

    def _publish(self, step: Callable[[str], None], path: str, key: str) -> None:
        """Give a draft its path although something is in the way, or nothing leads there."""
        directory = os.path.dirname(path)
        try:
            self._directories.publish(lambda: _place(step, path, key), directory)
        except OSError as error:
            raise typed(error, f"store {key!r}") from error
        except Conflict:
            self._directories.prune(directory)
            raise

    def _infos(self, base: str, names: Sequence[str]) -> Sequence[ObjectInfo]:
        return infos(self._base + base, base, names)

    def _items(self, base: str, names: Sequence[str]) -> Sequence[ObjectInfo | CommonPrefix]:
        if names[0].endswith("/"):
            return [CommonPrefix(base + names[0])]
        return self._infos(base, names)


def _place(step: Callable[[str], None], path: str, key: str) -> None:
    """Run ``step`` on a path where a file or a directory may be in the way."""
    try:
        step(path)
    except (FileExistsError, IsADirectoryError) as error:
        if isinstance(error, FileExistsError) and not os.path.isdir(path):
            raise _exists(key) from error
        if is_occupied(path):
            raise key_conflict(path) from error
        _remove_empty(path)
        _place(step, path, key)


def _remove_empty(directory: str) -> None:
    """Remove directories that a crash left without any object, bottom up."""
    for path, _directories, _files in os.walk(directory, topdown=False):
        try:
            os.rmdir(path)
        except OSError as error:
            raise key_conflict(directory) from error  # a writer was quicker


def _check_names(key: str) -> None:
    for name in key.split("/"):
        if len(name.encode()) > _NAME_BYTES:
            raise BadRequest(
                f"the storage type posix keeps the parts of keys as file names, of at most "
                f"{_NAME_BYTES} bytes: {name[:40]!r}… is longer",
                code="name_too_long",
            )


def _exists(key: str) -> Conflict:
    return Conflict(f"the object {key!r} exists already", code="exists")
