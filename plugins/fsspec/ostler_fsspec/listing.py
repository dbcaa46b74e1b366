"""Directories in key order, whatever order the file system has.

As many entries are in memory as the directories have on the way to where the listing stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from ostler.spi.storage import least_name

from .infos import Info, is_object

__all__ = ["Entries", "walk"]

Entries = Callable[[str], Sequence[Info]]
"""Returns what is in a directory, by its key, which ends in ``/`` or is empty."""

_FOREIGN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

Entry = tuple[str, Info | None]
"""A name, which ends in ``/`` when it is a directory's."""


def walk(
    entries: Entries, prefix: str, start_after: str, *, descend: bool = True
) -> Iterator[tuple[str, Info | None]]:
    """Yield the keys of objects with their infos, in key order.

    :param descend: False: a directory with objects in it stands for them, as its key, which
        ends in ``/``, and None.
    """
    top = prefix[: prefix.rfind("/") + 1]
    stack = [(top, iter(_sorted(entries, top, prefix[len(top) :], start_after)))]
    while stack:
        base, found = stack[-1]
        for name, info in found:
            key = base + name
            if info is not None:
                yield key, info
            elif descend:
                stack.append((key, iter(_sorted(entries, key, "", start_after))))
                break
            elif _is_told(entries, key, start_after):
                yield key, None
        else:
            stack.pop()


def _is_told(entries: Entries, key: str, start_after: str) -> bool:
    """Whether a listing after ``start_after`` tells the common prefix ``key``."""
    if start_after == key:
        return False
    return next(walk(entries, key, start_after), None) is not None


def _sorted(entries: Entries, base: str, prefix: str, start_after: str) -> list[Entry]:
    """Return what is in the directory ``base`` that begins with ``prefix`` and leads further."""
    low = least_name(base, start_after)
    if low is None:
        return []
    found = [
        entry
        for info in entries(base)
        if (entry := _entry(info)) and entry[0].startswith(prefix) and entry[0] >= low
    ]
    found.sort(key=lambda entry: entry[0])
    return found


def _entry(info: Info) -> Entry | None:
    """Return an item of a directory; None for what no key leads to."""
    name = str(info["name"]).rstrip("/").rpartition("/")[2]
    if name in ("", ".", "..") or _FOREIGN.search(name):
        return None
    if info.get("type") == "directory":
        return name + "/", None
    # An object that ends in `/` makes a bucket look like a tree.
    whole = not str(info["name"]).endswith("/")
    return (name, info) if whole and is_object(info) else None
