"""A directory as a tar stream."""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Generator, Iterator

from ostler.errors import Forbidden, Unavailable
from ostler.spi import Body

__all__ = ["PackedDirectory"]

_PIECE = 1 << 16
_END = bytes(2 * tarfile.BLOCKSIZE)


class PackedDirectory(Body):
    """All that is in the directory ``path``: names sorted, no owners.

    `read` raises `Unavailable` when a file gets shorter while it is read, and
    `Forbidden` for what may not be read. What vanishes before its turn is left out.
    """

    def __init__(self, path: str) -> None:
        self._pieces = _joined(_pack(path, {}))
        self._rest = memoryview(b"")

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            return bytes(self._rest) + b"".join(self._pieces)
        if not self._rest:
            self._rest = memoryview(next(self._pieces, b""))
        data, self._rest = bytes(self._rest[:size]), self._rest[size:]
        return data

    def close(self) -> None:
        self._pieces.close()


def _pack(root: str, links: dict[tuple[int, int], str]) -> Iterator[bytes]:
    yield from _members(root, "", links)
    yield _END


def _members(path: str, prefix: str, links: dict[tuple[int, int], str]) -> Iterator[bytes]:
    for name in sorted(_names(path)):
        full, member = f"{path}/{name}", tarfile.TarInfo(prefix + name)
        try:
            status = os.lstat(full)
        except FileNotFoundError:
            continue
        member.mode, member.mtime = stat.S_IMODE(status.st_mode), status.st_mtime
        if stat.S_ISDIR(status.st_mode):
            member.type = tarfile.DIRTYPE
            yield _header(member)
            yield from _members(full, f"{member.name}/", links)
        elif stat.S_ISLNK(status.st_mode):
            member.type, member.linkname = tarfile.SYMTYPE, os.readlink(full)
            yield _header(member)
        elif stat.S_ISREG(status.st_mode):
            yield from _file(full, member, status, links)


def _file(
    path: str, member: tarfile.TarInfo, status: os.stat_result, links: dict[tuple[int, int], str]
) -> Iterator[bytes]:
    identity = (status.st_dev, status.st_ino)
    if status.st_nlink > 1 and identity in links:
        member.type, member.linkname = tarfile.LNKTYPE, links[identity]
        yield _header(member)
        return
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return
    except OSError as error:
        raise Forbidden(f"cannot read {path}: {error.strerror}") from error
    with open(descriptor, "rb", buffering=0) as file:
        if status.st_nlink > 1:
            links[identity] = member.name
        member.size = os.fstat(descriptor).st_size
        yield _header(member)
        left = member.size
        while left:
            piece = file.read(min(left, _PIECE))
            if not piece:
                raise Unavailable(f"{path} became shorter while it was read")
            left -= len(piece)
            yield piece
        yield bytes(-member.size % tarfile.BLOCKSIZE)


def _names(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Forbidden(f"cannot read {path}: {error.strerror}") from error


def _header(member: tarfile.TarInfo) -> bytes:
    return member.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _joined(pieces: Iterator[bytes]) -> Generator[bytes]:
    """Yield the same bytes in pieces of some size, never an empty one."""
    buffer = bytearray()
    for piece in pieces:
        buffer += piece
        if len(buffer) >= _PIECE:
            yield bytes(buffer)
            buffer.clear()
    if buffer:
        yield bytes(buffer)
