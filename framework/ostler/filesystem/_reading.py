"""An object as a file to read: ranges with a cache, of one version."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from fsspec.caching import register_cache
from fsspec.spec import AbstractBufferedFile

from ostler.spi.storage import ObjectInfo

from ._ahead import AheadCache
from ._failures import changed

if TYPE_CHECKING:
    from ._contents import Contents

__all__ = ["ObjectFile"]

register_cache(AheadCache, clobber=True)  # so that fsspec knows it by its name


class ObjectFile(AbstractBufferedFile):
    """A seekable file. Reading raises `OSError` (``ESTALE``) once the object is another one.

    :param size: in bytes, if it is known: then opening asks nothing of the storage.
    :param block_size: bytes that are read ahead at most.
    :param cache_type: one of fsspec's, or ``ost``, which is `AheadCache`.
    :raises FileNotFoundError: there is no such object.
    :raises IsADirectoryError: there is a directory.
    """

    def __init__(
        self,
        fs: Contents,
        path: str,
        *,
        size: int | None = None,
        block_size: int | None = None,
        cache_type: str = AheadCache.name,
        cache_options: dict[str, Any] | None = None,
    ) -> None:
        self._version: object = None
        if size is None:
            self._details = fs.info(path)
            if self._details["type"] == "directory":
                raise IsADirectoryError(errno.EISDIR, "this is a directory", path)
            self._version = _version(self._details["etag"], self._details["mtime"])
        super().__init__(
            fs,
            path,
            "rb",
            fs.blocksize if block_size is None else block_size,
            cache_type=cache_type,
            cache_options=cache_options,
            size=size,
        )

    def _fetch_range(self, start: int, end: int) -> bytes:
        info, data = self.fs.fetch(self.path, start, end)
        self._check(info)
        return data  # type: ignore[no-any-return]

    def _check(self, info: ObjectInfo) -> None:
        version = _version(info.etag, info.modified)
        if self._version is None:
            self._version = version
        if version != self._version or info.size != self.size:
            raise changed(self.path)


def _version(etag: str | None, modified: float) -> object:
    return modified if etag is None else etag
