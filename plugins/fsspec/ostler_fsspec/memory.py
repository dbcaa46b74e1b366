"""fsspec's memory file system: one dictionary for the whole process."""

from __future__ import annotations

import threading
from dataclasses import replace

from ostler.spi.storage import Body, BytesBody, Capabilities, ObjectInfo, Readable

from .bodies import clipped
from .clients import Client
from .general import GeneralBackend, exists, key_conflict
from .infos import Info, object_info
from .pieces import head_of
from .places import is_below_file, kind

__all__ = ["MemoryBackend"]

_TURN = threading.RLock()
"""Held in every call: the dictionary belongs to all file system objects of the process.

The file system looks before it writes, and in between another thread may; so what it says
about exclusive writes is true only under this lock.
"""


class MemoryBackend(GeneralBackend):
    """Objects are complete before they are put into the dictionary."""

    clients_most = 0
    name = "memory"

    def find_out(self) -> Capabilities:
        return Capabilities(durable_put=False, flat=False)

    def info(self, path: str) -> Info:
        with _TURN:
            return super().info(path)

    def entries(self, directory: str) -> list[Info]:
        with _TURN:
            return list(super().entries(directory))

    def describe(self, key: str, info: Info) -> ObjectInfo:
        found = object_info(key, info)
        return replace(found, etag=f"{round(found.modified * 1e6):x}-{found.size:x}")

    def open(self, path: str, key: str, start: int, end: int | None) -> tuple[ObjectInfo, Body]:
        with _TURN:
            info = self.describe(key, self.info(path))
            low, high = clipped(info.size, start, end)
            with self.clients.use() as client:
                return info, BytesBody(client.call("cat_file", path, start=low, end=high))

    def put(
        self, path: str, key: str, source: Readable, size: int | None, *, exclusive: bool
    ) -> ObjectInfo:
        data, _whole = head_of(source, size, 1 << 62)
        with _TURN, self.clients.use() as client:
            self._check_place(client, path, key, exclusive=exclusive)
            client.call("pipe_file", path, data)
            return self.describe(key, self.info(path))

    def remove(self, path: str) -> None:
        with _TURN:
            super().remove(path)

    def _check_place(self, client: Client, path: str, key: str, *, exclusive: bool) -> None:
        """Refuse a key beside one that excludes it: what is written there would be hidden."""
        found = kind(client, path)
        if found == "directory" or is_below_file(client, self.root, path):
            raise key_conflict(key)
        if exclusive and found == "file":
            raise exists(key)
