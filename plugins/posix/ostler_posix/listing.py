"""Directories in key order, whatever order the file system has.

Memory is bounded by the names of a directory that are kept at once: one of up
to ``2 * _WINDOW`` names is read once and sorted; a larger one is read once per
window of names.
"""

from __future__ import annotations

import os
import re
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice

from ostler.spi.storage import least_name

from .failures import typed

__all__ = ["is_occupied", "settled", "walk"]

Found = tuple[list[str], bool]
"""The first names of a directory, sorted, and whether more follow."""

_WINDOW = 12_288
_BATCH = 1024
_RUN = 128
_PATIENCE = 8
_TICK = 20_000_000  # of the clock that file systems take their times from, generously
_FOREIGN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def walk(
    root: str, prefix: str, start_after: str, *, descend: bool = True
) -> Iterator[tuple[str, list[str]]]:
    """Yield the files below ``root`` in key order as runs: the directory's key, and names in it.

    :param root: ends in ``/``, as does the key of every directory but the root's, which is empty.
    :param descend: False: a directory with files in it stands for them, as a
        run of its own whose only name ends in ``/``.
    """
    top = prefix[: prefix.rfind("/") + 1]
    stack = [(top, _parts(root + top, prefix[len(top) :], least_name(top, start_after)))]
    while stack:
        base, parts = stack[-1]
        for part in parts:
            if isinstance(part, list):
                yield base, part
            elif descend:
                key = base + part
                stack.append((key, _parts(root + key, "", least_name(key, start_after))))
                break
            elif _is_told(root, base + part, start_after):
                yield base, [part]
        else:
            stack.pop()


def is_occupied(directory: str) -> bool:
    """Tell whether there is a file in a directory or below."""
    pending = [directory]
    while pending:
        try:
            with os.scandir(pending.pop()) as found:
                for entry in found:
                    if entry.is_file(follow_symlinks=False):
                        return True
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
        except FileNotFoundError:
            continue  # removed since it was seen
        except OSError as error:
            raise typed(error, f"list {directory!r}") from error
    return False


def _is_told(root: str, key: str, start_after: str) -> bool:
    """Whether a listing after ``start_after`` tells the common prefix ``key``."""
    if start_after.startswith(key):
        return start_after != key and next(walk(root, key, start_after), None) is not None
    return is_occupied(root + key)


def _parts(directory: str, prefix: str, low: str | None) -> Iterator[str | list[str]]:
    """Yield what is in a directory in key order: runs of files, and directories, ending in ``/``.

    :param prefix: only names that begin so.
    :param low: only names that are not less; None: no name at all.
    """
    while low is not None:
        window, more = settled(directory, partial(_window, directory, prefix, low))
        low = window[-1] + "\0" if more else None
        if "/" in "".join(window):
            yield from _apart(window)
        else:
            yield from (window[at : at + _RUN] for at in range(0, len(window), _RUN))


def _apart(names: Iterable[str]) -> Iterator[str | list[str]]:
    """Gather consecutive files into runs; directories stay alone."""
    run: list[str] = []
    for name in names:
        if name[-1] != "/":
            run.append(name)
            if len(run) < _RUN:
                continue
        if run:
            yield run
            run = []
        if name[-1] == "/":
            yield name
    if run:
        yield run


def settled(directory: str, read: Callable[[], Found]) -> Found:
    """Return what ``read`` finds in a directory, all that is there the whole time included.

    Some file systems lose a name that is replaced while they are read. So a
    directory that changes meanwhile is read again, until that finds no more.
    """
    before = _changed(directory)
    names, more = read()
    for _again in range(_PATIENCE):
        after = _changed(directory)
        if after == before and after < time.time_ns() - _TICK:
            break
        before, known = after, len(names)
        names, more = _merged((names, more), read())
        if len(names) == known:
            break
    return names, more


def _changed(directory: str) -> int:
    """Return when the names in a directory changed last: nanoseconds since 1970."""
    try:
        return os.stat(directory).st_mtime_ns
    except OSError:
        return 0  # there is none to change; reading it tells why


def _merged(first: Found, second: Found) -> Found:
    """Return what either pass found, as far as both went."""
    ends = [names[-1] for names, more in (first, second) if more]
    found = sorted({*first[0], *second[0]})
    return (found[: bisect_right(found, min(ends))], True) if ends else (found, False)


def _window(directory: str, prefix: str, low: str) -> Found:
    names: list[str] = []
    below: str | None = None
    for batch in _batches(directory):
        if prefix or low or below is not None:
            batch = [
                name
                for name in batch
                if name >= low and name.startswith(prefix) and (below is None or name < below)
            ]
        names += batch
        if len(names) > 2 * _WINDOW:
            names.sort()
            below = names[_WINDOW]
            del names[_WINDOW:]
    names.sort()
    return names, below is not None


def _batches(directory: str) -> Iterator[list[str]]:
    """Yield all names in a directory, some at a time; none when there is no such directory."""
    try:
        with os.scandir(directory) as found:
            while batch := list(islice(found, _BATCH)):
                yield _names(batch)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise typed(error, f"list {directory!r}") from error


def _names(batch: list[os.DirEntry[str]]) -> list[str]:
    """Return the names of files and directories, without those that no key has."""
    names = [
        entry.name if is_file else entry.name + "/"
        for entry in batch
        if (is_file := entry.is_file(follow_symlinks=False)) or entry.is_dir(follow_symlinks=False)
    ]
    text = "".join(names)
    if text.isprintable() or not _FOREIGN.search(text):
        return names
    return [name for name in names if not _FOREIGN.search(name)]
