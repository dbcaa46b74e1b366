"""Listings: what a flat storage looks like to who thinks in directories."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ostler.ost import ObjectStorage
from ostler.spi.storage import CommonPrefix, ObjectInfo

__all__ = ["Entry", "below", "directory", "entry", "is_directory", "listed", "with_directories"]

Entry = dict[str, Any]
"""What fsspec calls an info: ``name``, ``size`` and ``type``; an object's ``mtime`` and ``etag`` as well."""


def entry(item: ObjectInfo | CommonPrefix) -> Entry:
    """Return an item of a listing as fsspec has it."""
    if isinstance(item, CommonPrefix):
        return directory(item.prefix.rstrip("/"))
    return {
        "name": item.key,
        "size": item.size,
        "type": "file",
        "mtime": item.modified,
        "etag": item.etag,
    }


def directory(path: str) -> Entry:
    """Return the entry of a directory."""
    return {"name": path, "size": 0, "type": "directory"}


def below(path: str) -> str:
    """Return the prefix of everything in the directory ``path``; empty for the root."""
    return f"{path}/" if path else ""


def is_directory(storage: ObjectStorage, path: str) -> bool:
    """Tell, with one request, whether anything lies in ``path``. The root is always a directory."""
    return not path or next(storage.list(below(path), delimiter="/"), None) is not None


def listed(storage: ObjectStorage, path: str, prefix: str, depth: int | None) -> Iterator[Entry]:
    """Yield what lies in ``path``, to any depth or down to ``depth`` levels.

    One listing for all depths, of the objects alone; or one of each directory,
    of the directories too.

    :param prefix: that names directly in ``path`` begin with.
    """
    start = below(path) + prefix
    if depth is None:
        yield from map(entry, storage.objects(start))
        return
    for found in map(entry, storage.list(start, delimiter="/")):
        yield found
        if found["type"] == "directory" and depth > 1:
            yield from listed(storage, found["name"], "", depth - 1)


def with_directories(path: str, entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yield the entries, and every directory below ``path`` that lies above one of them once."""
    seen: set[str] = set()
    least = len(below(path))
    for found in entries:
        above = found["name"].rpartition("/")[0]
        while len(above) > least and above not in seen:
            seen.add(above)
            yield directory(above)
            above = above.rpartition("/")[0]
        if found["type"] == "file" or found["name"] not in seen:
            yield found
        if found["type"] == "directory":
            seen.add(found["name"])
