"""File systems that the plugin knows nothing of."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from typing import Any, ClassVar

from fsspec import AbstractFileSystem, register_implementation
from fsspec.implementations.local import LocalFileSystem

__all__ = ["FlatFileSystem", "StrangeFileSystem"]


class StrangeFileSystem(LocalFileSystem):  # type: ignore[misc]
    """The local one under another name: it has directories, and writes where it can be seen."""

    protocol = "strange"


class FlatFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """A dictionary in which every path is beside every other, as in an object store."""

    protocol = "flat"
    stores: ClassVar[dict[str, dict[str, tuple[int, float, bytes]]]] = {}

    def __init__(self, store: str, broken: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.files = self.stores.setdefault(store, {})
        self.broken = broken
        self.count = 0

    def info(self, path: str, **_: Any) -> Mapping[str, Any]:
        path = self._strip_protocol(path)
        if path not in self.files:
            raise FileNotFoundError(path)
        number, modified, data = self.files[path]
        told = {"name": path, "size": len(data), "type": "file"}
        return {**told, "mtime": modified, "ETag": f"{number}"}

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        start = self._strip_protocol(path) + "/"
        below = {name.removeprefix(start) for name in self.files if name.startswith(start)}
        found = [dict(self.info(start + name)) for name in below if "/" not in name]
        folders = {name.partition("/")[0] for name in below if "/" in name}
        found += [{"name": start + name, "size": 0, "type": "directory"} for name in folders]
        return found if detail else [each["name"] for each in found]

    def cp_file(self, path1: str, path2: str, **_: Any) -> None:
        self._store(self._strip_protocol(path2), self.files[self._strip_protocol(path1)][2])

    def _store(self, path: str, data: bytes) -> None:
        if self.broken and not path.endswith("/kept") and "\x7f" not in path:
            self.files[path] = (-1, time.time(), data[: len(data) // 2])
            raise ConnectionResetError("in the middle of it")
        self.count += 1
        self.files[path] = (self.count, time.time(), data)

    def _rm(self, path: str) -> None:
        if self.files.pop(self._strip_protocol(path), None) is None:
            raise FileNotFoundError(path)

    def _open(self, path: str, mode: str = "rb", **_: Any) -> io.BytesIO:
        if mode == "rb":
            self.info(path)
            return io.BytesIO(self.files[path][2])
        return _Written(self, path)


class _Written(io.BytesIO):
    def __init__(self, fs: FlatFileSystem, path: str) -> None:
        super().__init__()
        self._fs, self._path = fs, path

    def close(self) -> None:
        if not self.closed:
            data = self.getvalue()
            super().close()
            self._fs._store(self._path, data)


register_implementation("strange", StrangeFileSystem, clobber=True)
register_implementation("flat", FlatFileSystem, clobber=True)
