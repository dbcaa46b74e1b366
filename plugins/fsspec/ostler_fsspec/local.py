"""The files of this machine, as fsspec shows them."""

from __future__ import annotations

import os
import time
from typing import Any

from ostler.spi.storage import ObjectInfo

from .directories import DirectoryBackend
from .infos import Info, object_info

__all__ = ["LocalBackend"]


class LocalBackend(DirectoryBackend):
    """`mv` of fsspec puts a file into a directory that has the new name, so we rename ourselves."""

    clients_most = 0
    name = "local"

    def describe(self, key: str, info: Info) -> ObjectInfo:
        etag = f"{info['ino']:x}-{round(info['mtime'] * 1e6):x}-{info['size']:x}"
        return object_info(key, info, etag=etag)

    def replace(self, fs: Any, old: str, new: str) -> None:
        os.replace(old, new)

    def link(self, fs: Any, old: str, new: str) -> None:
        os.link(old, new)

    def opened(self, handle: Any, key: str) -> ObjectInfo:
        found = os.fstat(handle.raw.fileno())
        return self.describe(
            key, {"ino": found.st_ino, "mtime": found.st_mtime, "size": found.st_size}
        )

    def written(self, fs: Any, path: str, key: str, size: int) -> ObjectInfo:
        """Give it a time of its own: inodes are used again within one tick of the system's clock."""
        now = time.time_ns()
        os.utime(path, ns=(now, now))
        return self.describe(key, fs.info(path))
