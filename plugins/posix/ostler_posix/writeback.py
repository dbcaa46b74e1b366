"""Telling the operating system to begin writing to the disk."""

from __future__ import annotations

import os

__all__ = ["start_writeback"]


def start_writeback(descriptor: int, offset: int, length: int) -> None:
    """Begin to write a range of a file to the disk, without waiting: a hint, which may do nothing.

    Linux answers "these pages are not needed" by writing those that are
    dirty, and keeps them until they are written: as quick as
    ``sync_file_range``, which Python does not offer.
    """
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, offset, length, os.POSIX_FADV_DONTNEED)
