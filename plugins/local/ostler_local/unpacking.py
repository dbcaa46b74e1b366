"""A tar stream into a directory, never through a link."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, cast

from ostler.errors import BadRequest, Unavailable
from ostler.spi import Readable

__all__ = ["unpack"]

_PIECE = 1 << 18
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO)


def unpack(source: Readable, path: str) -> None:
    """Unpack ``source`` into the directory ``path``, as `ostler.spi.Pod.put_archive` says.

    Every part of a member's name but the last must be a directory or absent: a
    symbolic link there is an error, wherever it leads.
    """
    root = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _Unpacking(root).run(source)
    finally:
        os.close(root)


class _Unpacking:
    def __init__(self, root: int) -> None:
        self._root = root
        # Directories get their modes and times last: what is written into them
        # would change the one and may be forbidden by the other.
        self._directories: list[tarfile.TarInfo] = []

    def run(self, source: Readable) -> None:
        try:
            self._unpack(source)
        except tarfile.TarError as error:
            raise BadRequest(f"the archive is damaged: {error}") from error
        for member in reversed(self._directories):
            with _told(member), self._parent(member.name) as (parent, name):
                self._finish_directory(parent, name, member)

    def _unpack(self, source: Readable) -> None:
        with tarfile.open(
            fileobj=cast("IO[bytes]", source),
            mode="r|",
            bufsize=_PIECE,
            encoding="utf-8",
            errors="surrogateescape",
        ) as archive:
            while (member := archive.next()) is not None:
                archive.members.clear()  # type: ignore[attr-defined]  # it keeps them all
                self._place(archive, member)

    def _place(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        if member.isreg():
            self._file(archive, member)
            return
        with _told(member), self._parent(member.name) as (parent, name):
            if member.isdir():
                self._directory(parent, name)
                self._directories.append(member)
            elif member.issym():
                _clear(parent, name)
                os.symlink(member.linkname, name, dir_fd=parent)
                _set_times(parent, name, member)
            elif member.islnk():
                self._hard_link(parent, name, member)
            else:
                raise BadRequest(f"{member.name!r} is neither file, directory nor link")

    def _file(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        content = archive.extractfile(member)
        assert content is not None, "regular files have content"
        with _told(member), self._parent(member.name) as (parent, name):
            _clear(parent, name)
            descriptor = os.open(name, _NEW, 0o600, dir_fd=parent)
        try:
            while piece := content.read(_PIECE):
                with _told(member):
                    _write_all(descriptor, piece)
            with _told(member):
                os.fchmod(descriptor, member.mode & 0o7777)
                os.utime(descriptor, (member.mtime, member.mtime))
        finally:
            os.close(descriptor)

    def _directory(self, parent: int, name: str) -> None:
        try:
            os.mkdir(name, 0o700, dir_fd=parent)
        except FileExistsError:
            if not stat.S_ISDIR(os.lstat(name, dir_fd=parent).st_mode):
                os.unlink(name, dir_fd=parent)
                os.mkdir(name, 0o700, dir_fd=parent)

    def _hard_link(self, parent: int, name: str, member: tarfile.TarInfo) -> None:
        with self._parent(member.linkname) as (target_parent, target):
            wanted = os.lstat(target, dir_fd=target_parent)
            if os.path.samestat(wanted, _status(parent, name) or os.fstat(self._root)):
                return
            _clear(parent, name)
            os.link(
                target, name, src_dir_fd=target_parent, dst_dir_fd=parent, follow_symlinks=False
            )

    def _finish_directory(self, parent: int, name: str, member: tarfile.TarInfo) -> None:
        status = _status(parent, name)
        if status is None or not stat.S_ISDIR(status.st_mode):
            return  # a later member took its place
        descriptor = os.open(name, _DIRECTORY, dir_fd=parent)
        try:
            os.fchmod(descriptor, member.mode & 0o7777)
            os.utime(descriptor, (member.mtime, member.mtime))
        finally:
            os.close(descriptor)

    @contextmanager
    def _parent(self, path: str) -> Iterator[tuple[int, str]]:
        """Yield a descriptor of the directory that ``path`` lies in, made when absent, and the last part."""
        *parents, name = [part for part in path.split("/") if part not in ("", ".")]
        here = os.dup(self._root)
        try:
            for part in parents:
                here = _descend(here, part)
            yield here, name
        finally:
            os.close(here)


def _descend(here: int, part: str) -> int:
    if part == "..":
        raise BadRequest("a name with '..' is not followed")
    try:
        try:
            below = os.open(part, _DIRECTORY, dir_fd=here)
        except FileNotFoundError:
            os.mkdir(part, 0o777, dir_fd=here)
            below = os.open(part, _DIRECTORY, dir_fd=here)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise BadRequest(f"{part!r} is no directory here, but a link or a file") from error
        raise
    os.close(here)
    return below


@contextmanager
def _told(member: tarfile.TarInfo) -> Iterator[None]:
    """Name the member in what goes wrong."""
    try:
        yield
    except BadRequest as error:
        raise BadRequest(f"cannot write {member.name!r}: {error.message}") from error
    except OSError as error:
        kind = Unavailable if error.errno in _FULL else BadRequest
        raise kind(f"cannot write {member.name!r}: {error.strerror}") from error


def _clear(parent: int, name: str) -> None:
    """Remove what is there, whatever it is."""
    status = _status(parent, name)
    if status is None:
        return
    if stat.S_ISDIR(status.st_mode):
        shutil.rmtree(name, dir_fd=parent)
    else:
        os.unlink(name, dir_fd=parent)


def _status(parent: int, name: str) -> os.stat_result | None:
    try:
        return os.lstat(name, dir_fd=parent)
    except FileNotFoundError:
        return None


def _set_times(parent: int, name: str, member: tarfile.TarInfo) -> None:
    times = (member.mtime, member.mtime)
    os.utime(name, times, dir_fd=parent, follow_symlinks=False)


def _write_all(descriptor: int, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[os.write(descriptor, view) :]
