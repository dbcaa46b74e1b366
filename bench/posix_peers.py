"""What the posix driver is measured against: the bare system calls for the same work."""

from __future__ import annotations

import itertools
import os

__all__ = ["Bare", "synchronise_directory", "walk_and_stat"]

_NEW = os.O_CREAT | os.O_EXCL | os.O_WRONLY


class Bare:
    """Write and rename, in a directory of its own.

    :param folder: made when it is absent.
    :param temporary: where files are written before they are renamed; None: beside their names.
    """

    def __init__(self, folder: str, temporary: str | None = None) -> None:
        os.makedirs(folder, exist_ok=True)
        self.folder, self.temporary = folder, temporary or folder
        os.makedirs(self.temporary, exist_ok=True)
        self.counter = itertools.count()

    def put(self, name: str, data: bytes) -> None:
        temporary = f"{self.temporary}/.{name}.{next(self.counter)}"
        descriptor = os.open(temporary, _NEW, 0o666)
        os.write(descriptor, data)
        os.close(descriptor)
        os.rename(temporary, f"{self.folder}/{name}")

    def put_durably(self, name: str, data: bytes) -> None:
        temporary = f"{self.temporary}/.{name}.{next(self.counter)}"
        descriptor = os.open(temporary, _NEW, 0o666)
        os.write(descriptor, data)
        os.fdatasync(descriptor)
        os.close(descriptor)
        os.rename(temporary, f"{self.folder}/{name}")
        synchronise_directory(self.folder)

    def put_nameless(self, name: str, data: bytes) -> None:
        """With O_TMPFILE and linkat: only for names that are new."""
        descriptor = os.open(self.folder, os.O_TMPFILE | os.O_WRONLY, 0o666)
        os.write(descriptor, data)
        source = f"/proc/self/fd/{descriptor}"
        os.link(source, f"{self.folder}/{name}", src_dir_fd=descriptor, follow_symlinks=True)
        os.close(descriptor)

    def read(self, name: str) -> bytes:
        with open(f"{self.folder}/{name}", "rb") as file:
            return file.read()


def synchronise_directory(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def walk_and_stat(root: str) -> int:
    """Look up size and time of every file below ``root``; return how many there are."""
    count = 0
    for folder, _folders, names in os.walk(root):
        for name in names:
            found = os.stat(os.path.join(folder, name))
            count += 1
            assert found.st_size >= 0 <= found.st_mtime
    return count
