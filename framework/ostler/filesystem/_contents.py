"""The part of the file system that reads and writes what objects hold."""

from __future__ import annotations

import errno
from functools import partial
from io import UnsupportedOperation
from typing import Any

from fsspec.callbacks import DEFAULT_CALLBACK
from fsspec.core import get_compression

from ostler.spi.storage import ObjectInfo, Readable

from ._ahead import AheadCache
from ._directories import Directories
from ._failures import as_os_errors
from ._reading import ObjectFile
from ._together import raise_first, spread, tried
from ._transactions import AllOrNone
from ._transfers import copy
from ._wrapping import wrapped
from ._writing import ObjectWriter

__all__ = ["Contents"]

_OF_TEXT = ("encoding", "errors", "newline")


class Contents(Directories):
    """Bytes of objects: read by ranges, and written as a whole, in one atomic put each."""

    transaction_type = AllOrNone

    def open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        cache_options: dict[str, Any] | None = None,
        compression: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Open an object, as Python's `open` does. One that is written is stored when it is closed.

        :param mode: to read, to write (``w``) or to write what does not exist
            (``x``: looked at now, and made sure of when it is stored).
        :param block_size: bytes that are fetched or handed on at a time.
        :param compression: one of fsspec's, or ``infer`` from the name.
        :param kwargs: ``encoding``, ``errors`` and ``newline`` for text;
            ``cache_type`` of fsspec, to read with.
        :raises io.UnsupportedOperation: another mode.
        """
        if "r" in mode:
            return super().open(path, mode, block_size, cache_options, compression, **kwargs)
        text: dict[str, Any] = {key: kwargs.pop(key) for key in _OF_TEXT if key in kwargs}
        binary = mode.replace("t", "").replace("b", "") + "b"
        name = get_compression(self._strip_protocol(path), compression)
        target = super().open(path, binary, block_size, cache_options, **kwargs)
        return wrapped(target, name, None if "b" in mode else text)

    def _open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        autocommit: bool = True,
        cache_options: dict[str, Any] | None = None,
        cache_type: str = AheadCache.name,
        size: int | None = None,
        **kwargs: Any,
    ) -> Any:
        if mode == "rb":
            return ObjectFile(
                self,
                path,
                size=size,
                block_size=block_size,
                cache_type=cache_type,
                cache_options=cache_options,
            )
        if mode not in ("wb", "xb"):
            raise UnsupportedOperation(
                f"cannot open {path!r} with mode {mode!r}: an object is written as a whole, "
                "with 'wb', or with 'xb' if it must not exist"
            )
        if mode == "xb" and self.isfile(path):
            raise FileExistsError(errno.EEXIST, "the object exists already", path)
        put = partial(self._put, path, if_absent=mode == "xb")
        size = self.blocksize if block_size is None else block_size
        return ObjectWriter(path, put, mode=mode, block_size=size, autocommit=autocommit)

    def fetch(self, path: str, start: int = 0, end: int | None = None) -> tuple[ObjectInfo, bytes]:
        """Return a range of bytes and the object that they are of, with one request.

        :raises FileNotFoundError: there is no such object.
        """
        with as_os_errors(path), self.object_storage.get(path, start, end) as body:
            return body.info, body.read()

    def cat_file(
        self, path: str, start: int | None = None, end: int | None = None, **kwargs: Any
    ) -> bytes:
        """Return the bytes of an object, or a slice of them, with one request.

        :param start: negative: from the end, for which its size is asked for first.
        :param end: likewise.
        :raises FileNotFoundError: there is no such object.
        """
        path = self._strip_protocol(path)
        if (start or 0) < 0 or (end or 0) < 0:
            start, end, _ = slice(start, end).indices(self._existing(path)["size"])
        start = start or 0
        return self.fetch(path, start, end if end is None else max(start, end))[1]

    def cat_ranges(
        self,
        paths: list[str],
        starts: Any,
        ends: Any,
        max_gap: int | None = None,
        on_error: str = "return",
        **kwargs: Any,
    ) -> list[Any]:
        """Return ranges of objects, several fetched at once; see fsspec.

        :param max_gap: changes nothing: each range is a request. `merge_offset_ranges` of
            fsspec makes fewer of ranges that are close to each other.
        :param on_error: ``return``: an error stands in the place of its bytes.
        """
        starts = starts if isinstance(starts, list) else [starts] * len(paths)
        ends = ends if isinstance(ends, list) else [ends] * len(paths)
        ranges = list(zip(paths, starts, ends, strict=True))
        found = spread(lambda each: tried(self.cat_file, *each), ranges)
        if on_error != "return":
            raise_first(found)
        return found

    def cat(
        self, path: Any, recursive: bool = False, on_error: str = "raise", **kwargs: Any
    ) -> Any:
        """Return the bytes of an object, or a dict of those of several, fetched at once.

        :param on_error: ``omit`` what fails, or ``return`` the errors instead of bytes.
        """
        paths = self.expand_path(path, recursive=recursive)
        if isinstance(path, str) and paths == [self._strip_protocol(path)]:
            return self.cat_file(paths[0], **kwargs)
        found = spread(partial(tried, partial(self.cat_file, **kwargs)), paths)
        told = dict(zip(paths, found, strict=True))
        if recursive:
            told = {each: data for each, data in told.items() if not self._no_file(each, data)}
        if on_error == "raise":
            raise_first(told.values())
        if on_error == "omit":
            told = {each: data for each, data in told.items() if isinstance(data, bytes)}
        return told

    def pipe_file(self, path: str, value: Any, mode: str = "overwrite", **kwargs: Any) -> None:
        """Store bytes as an object, with one request.

        :param mode: ``create``: only if there is no such object.
        :raises FileExistsError: there is.
        """
        self._store(self._strip_protocol(path), value, None, mode)

    def pipe(self, path: Any, value: Any = None, **kwargs: Any) -> None:
        """Store bytes as an object; or, of a dict of path to bytes, as many, several at once."""
        items = list(path.items()) if isinstance(path, dict) else [(path, value)]
        spread(lambda item: self.pipe_file(*item, **kwargs), items)

    def touch(self, path: str, truncate: bool = True, **kwargs: Any) -> None:
        """Store an empty object.

        :param truncate: False: only if there is no such object.
        :raises io.UnsupportedOperation: there is; its time cannot be changed alone.
        """
        try:
            self.pipe_file(path, b"", mode="overwrite" if truncate else "create")
        except FileExistsError as error:
            raise UnsupportedOperation(
                f"cannot change the time of {path!r} alone: store it again"
            ) from error

    def _put(
        self,
        path: str,
        source: bytes | Readable,
        *,
        size: int | None = None,
        if_absent: bool = False,
    ) -> None:
        with as_os_errors(path):
            self.object_storage.put(path, source, size=size, if_absent=if_absent)

    def _store(self, path: str, source: Any, size: int | None, mode: str) -> None:
        """Put, or write within a transaction, which decides at its end."""
        if mode not in ("overwrite", "create"):
            raise ValueError(f"mode is 'overwrite' or 'create', not {mode!r}")
        if not self._intrans:
            self._put(path, source, size=size, if_absent=mode == "create")
            return
        with self.open(path, "xb" if mode == "create" else "wb") as file:
            if hasattr(source, "read"):
                copy(source, file, DEFAULT_CALLBACK)
            else:
                file.write(source)

    def _no_file(self, path: str, data: object) -> bool:
        return isinstance(data, FileNotFoundError) and self.isdir(path)
