"""Synchronising a whole file system at once, where that is the cheaper way."""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import re

__all__ = ["synchronise_file_system"]

_LITTLE = 64 << 20
_TELLS_ERRORS = (5, 8)


def synchronise_file_system(path: str) -> bool:
    """Synchronise the file system that ``path`` lies on; False: it was not, use another way.

    One commit of the journal and one flush of the disk, however many files.
    It also waits for what others have written there, so it is not done when
    much waits to be written on this machine (64 MiB, ``/proc/meminfo``), nor
    by kernels that keep the errors of it to themselves (Linux before 5.8, see
    syncfs(2)).

    :raises OSError: the operating system could not write everything.
    """
    syncfs = _syncfs()
    if syncfs is None or _dirty() > _LITTLE:
        return False
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), path)
    finally:
        os.close(descriptor)
    return True


@functools.cache
def _syncfs() -> ctypes._NamedFuncPointer | None:
    release = re.match(r"(\d+)\.(\d+)", platform.release())
    if platform.system() != "Linux" or not release:
        return None
    if (int(release[1]), int(release[2])) < _TELLS_ERRORS:
        return None
    library = ctypes.CDLL(None, use_errno=True)
    return library.syncfs if hasattr(library, "syncfs") else None


def _dirty() -> int:
    """Return how many bytes wait to be written on this machine."""
    with open("/proc/meminfo", encoding="ascii") as file:
        found = re.search(r"^Dirty:\s*(\d+) kB", file.read(), re.MULTILINE)
    return int(found[1]) << 10 if found else _LITTLE + 1
