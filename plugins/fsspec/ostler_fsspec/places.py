"""What is at a path of a file system, and the way there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from .clients import Client
from .infos import Info

__all__ = ["drop", "is_below_file", "kind", "on_the_way", "told"]

T = TypeVar("T")


def told(client: Client, path: str) -> Info | None:
    """Return what `info` says of a path; None when there is nothing."""
    try:
        found: Info = client.call("info", path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found


def kind(client: Client, path: str) -> str:
    """Return ``file``, ``directory`` or, when there is nothing, an empty text."""
    info = told(client, path)
    if info is None:
        return ""
    return "directory" if info["type"] == "directory" else "file"


def is_below_file(client: Client, root: str, path: str) -> bool:
    """Whether a file below ``root`` is where a directory must be for ``path`` to be possible."""
    ends = [at for at in range(len(root) + 1, len(path)) if path[at] == "/"]
    return any(kind(client, path[:end]) == "file" for end in ends)


def on_the_way(client: Client, path: str, call: Callable[[], T]) -> T:
    """Return what ``call`` does at a path; once more with its directory made, when that was missing."""
    try:
        return call()
    except FileNotFoundError:
        client.call("makedirs", path.rpartition("/")[0], exist_ok=True)
        return call()


def drop(client: Client, path: str) -> None:
    """Remove a file that nobody may find, if it is there and can be removed."""
    try:
        client.call("rm_file", path)
    except Exception:
        return  # it was moved, or was never made
