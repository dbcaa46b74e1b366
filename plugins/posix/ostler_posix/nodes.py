"""How `posixflat` lays out keys: a tree of directories, none of which grows without bound.

Every directory, a *node*, stands for the bytes that all keys below it begin
with. An object lies in the first node on its key's way that had room when it
was new, and never moves; a full node passes new keys on to the node of the
next two bytes. So readers need no lock, a node holds a bounded number of files
and at most one node for every two bytes, and a listing in key order keeps no
more than the nodes on the way to where it stands.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from heapq import heappop, heappush

from .failures import typed
from .listing import settled

__all__ = ["Nodes", "walk_nodes"]

_ROOM = 256
_RECOUNT = 32
_STEP = 2
_NAME_BYTES = 255
_NODE, _FILE, _LONG, _REST = "+", "=", "~", "@"
_ESCAPED = re.compile(rb"[^A-Za-z0-9_.-]")
_ESCAPE = re.compile(rb"%([0-9A-F]{2})")


class Nodes:
    """The nodes below a directory.

    A new key is placed by one caller at a time; different keys at once.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._counts: dict[str, tuple[int, int]] = {}

    def find(self, key: bytes) -> str | None:
        """Return the path of the object ``key``, None when there is none."""
        node, rest = self._root, key
        while True:
            path = f"{node}/{_name_of(rest)}"
            if os.path.lexists(path):
                return path
            if len(rest) < _STEP:
                return None
            node, rest = _next_node(node, rest)
            if not os.path.isdir(node):
                return None

    def place(self, key: bytes) -> str:
        """Return the path where the new object ``key`` belongs."""
        node, rest = self._root, key
        while len(rest) >= _STEP and self._is_full(node):
            node, rest = _next_node(node, rest)
        return f"{node}/{_name_of(rest)}"

    def annotate(self, path: str, key: bytes) -> None:
        """Write down, beside a name too long to be written in full, what it stands for."""
        node, name = os.path.split(path)
        if name[0] == _LONG:
            rest = _escaped(key[_STEP * _depth(self._root, node) :])
            try:
                os.symlink(_FILE + rest, f"{node}/{_REST}{name[1:]}")
            except FileExistsError:
                return  # left by a crash; the same name always stands for the same bytes

    def remove(self, path: str) -> None:
        """Remove the object at ``path``."""
        os.unlink(path)
        node, name = os.path.split(path)
        self._counts.pop(node, None)
        if name[0] == _LONG:
            os.unlink(f"{node}/{_REST}{name[1:]}")

    def _is_full(self, node: str) -> bool:
        count, placed = self._counts.get(node, (-1, _RECOUNT))
        if placed >= _RECOUNT and count < _ROOM:  # other processes place objects too
            count, placed = _count(node), 0
        full = count >= _ROOM
        self._counts[node] = (count, placed) if full else (count + 1, placed + 1)
        return full


def walk_nodes(root: str, prefix: bytes, start_after: bytes) -> Iterator[tuple[bytes, str]]:
    """Yield (key, path) of the objects that begin with ``prefix`` and come after ``start_after``.

    In key order: a node waits among the files at the place of what all its
    keys begin with, and is read when its turn comes.
    """
    waiting: list[tuple[bytes, str, bool]] = [(b"", root, True)]
    while waiting:
        key, path, is_node = heappop(waiting)
        if not is_node:
            yield key, path
            continue
        for entry in _read(path, key):
            if _is_wanted(entry, prefix, start_after):
                heappush(waiting, entry)


def _is_wanted(entry: tuple[bytes, str, bool], prefix: bytes, start_after: bytes) -> bool:
    key, _path, is_node = entry
    if not is_node:
        return key.startswith(prefix) and key > start_after
    leads = key.startswith(prefix) or prefix.startswith(key)
    return leads and (key > start_after or start_after.startswith(key))


def _read(node: str, base: bytes) -> Iterator[tuple[bytes, str, bool]]:
    """Yield what is in a node: (key, path, False) of objects, (beginning, path, True) of nodes."""
    names, _more = settled(node, lambda: (_names(node), False))
    for name in names:
        path = f"{node}/{name}"
        if name[0] == _NODE:
            yield base + bytes.fromhex(name[1:]), path, True
        elif name[0] == _FILE:
            yield base + _unescaped(name[1:]), path, False
        elif name[0] == _LONG:
            try:
                rest = os.readlink(f"{node}/{_REST}{name[1:]}")
            except FileNotFoundError:
                continue  # removed since its name was read
            yield base + _unescaped(rest[1:]), path, False


def _names(node: str) -> list[str]:
    try:
        return os.listdir(node)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise typed(error, f"list {node!r}") from error


def _count(node: str) -> int:
    return sum(name[0] in (_FILE, _LONG) for name in _names(node))


def _next_node(node: str, rest: bytes) -> tuple[str, bytes]:
    return f"{node}/{_NODE}{rest[:_STEP].hex()}", rest[_STEP:]


def _depth(root: str, node: str) -> int:
    return node.count("/") - root.count("/")


def _name_of(rest: bytes) -> str:
    name = _FILE + _escaped(rest)
    if len(name) <= _NAME_BYTES:
        return name
    return _LONG + hashlib.sha256(rest).hexdigest()


def _escaped(rest: bytes) -> str:
    return _ESCAPED.sub(lambda found: b"%%%02X" % found[0][0], rest).decode()


def _unescaped(name: str) -> bytes:
    return _ESCAPE.sub(lambda found: bytes.fromhex(found[1].decode()), name.encode())
