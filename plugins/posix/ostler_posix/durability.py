"""Making many files durable together."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ostler.errors import Unavailable, Unknown

from .content import synchronise
from .directories import Directories
from .filesystem import synchronise_file_system
from .infos import unreadable
from .writeback import start_writeback

__all__ = ["persist_files"]

_BATCH = 128
_MANY = 2


def persist_files(root: str, files: Sequence[tuple[str, str]], directories: Directories) -> None:
    """Make files (key, path) below ``root`` durable, and the directories that lead to them.

    Two or more: the file system as a whole, unless much else waits to be
    written there. Otherwise all of them begin to be written before the first
    is waited for, so that a journal is committed once or twice, not for each.

    :raises NotFound: one of them does not exist.
    :raises Unknown: the operating system could not say that they are durable.
    """
    if len(files) >= _MANY and _all_at_once(root, files):
        return
    for start in range(0, len(files), _BATCH):
        batch = files[start : start + _BATCH]
        _persist_contents(batch)
        for directory in sorted({os.path.dirname(path) for _, path in batch}):
            directories.persist(directory)


def _all_at_once(root: str, files: Sequence[tuple[str, str]]) -> bool:
    for key, path in files:
        try:
            os.lstat(path)
        except OSError as error:
            raise unreadable(error, key) from error
    try:
        return synchronise_file_system(root)
    except OSError as error:
        raise Unknown(
            f"cannot synchronise the file system of {root!r}: {error.strerror}; "
            "what was written there is in place, but may not survive a power loss"
        ) from error


def _persist_contents(files: Sequence[tuple[str, str]]) -> None:
    opened: list[int] = []
    try:
        for key, path in files:
            opened.append(_open(key, path))
            start_writeback(opened[-1], 0, 0)
        for descriptor in opened:
            synchronise(descriptor)
    except Unavailable as error:
        raise Unknown(
            f"{error.message}; the operating system may have dropped what was written: store it again"
        ) from error
    finally:
        for descriptor in opened:
            os.close(descriptor)


def _open(key: str, path: str) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise unreadable(error, key) from error
