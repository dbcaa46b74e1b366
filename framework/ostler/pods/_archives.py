from __future__ import annotations

import math
import tarfile
from collections.abc import Generator, Iterator
from typing import IO, Self, cast

from ostler.errors import BadRequest, Error
from ostler.spi.storage import Body, Readable

from ._links import Links, plain_name

__all__ = ["CheckedArchive", "checked_archive"]

_READ = 1 << 18
_CHUNK = 1 << 16
_END = bytes(2 * tarfile.BLOCKSIZE)
_EndOfArchive = tarfile.EOFHeaderError  # type: ignore[attr-defined]


class CheckedArchive(Body):
    """A tar stream that stays below its root, whatever ``source`` holds.

    What comes out is written anew, so that two readers cannot understand it
    differently: directories, files, symbolic and hard links, with plain names,
    modes and times; no owners. The root itself is left out. Memory stays
    bounded, but for the names of links.

    `read` raises `BadRequest`, naming the member: its name is absolute or has a
    ``..``; it is a link that leads out; it lies below a link of the same
    archive; it is a device or a FIFO. Or the archive is damaged or cut off.
    What the source raises comes out unchanged.

    :param source: an uncompressed tar. It stays the caller's to close.
    """

    def __init__(self, source: Readable) -> None:
        self._source = _Source(source)
        self._pieces = _joined(_checked(self._source))
        self._rest = memoryview(b"")
        self._failure: Exception | None = None

    @property
    def failure(self) -> Exception | None:
        """What `read` raised, also when who called it made something else of it."""
        return self._failure

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            return bytes(self._rest) + b"".join(iter(self._next, b""))
        if not self._rest:
            self._rest = memoryview(self._next())
        data, self._rest = bytes(self._rest[:size]), self._rest[size:]
        return data

    def close(self) -> None:
        self._pieces.close()

    def _next(self) -> bytes:
        if self._failure is not None:
            raise self._failure
        try:
            return next(self._pieces, b"")
        except Exception as error:
            self._failure = self._named(error)
            if self._failure is error:
                raise
            raise self._failure from error

    def _named(self, error: Exception) -> Exception:
        if error is self._source.failure or isinstance(error, Error):
            return error
        return BadRequest(f"the archive is damaged: {error}")


def checked_archive(source: Readable) -> CheckedArchive:
    """Return ``source``, a tar stream, so that reading it raises before anything dangerous comes out."""
    return CheckedArchive(source)


class _Source:
    """Remembers what the source raised, to tell it from what the parser makes of the bytes."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self.failure: Exception | None = None

    def read(self, size: int = -1, /) -> bytes:
        try:
            return self._source.read(size)
        except Exception as error:
            self.failure = error
            raise


class _Member(tarfile.TarInfo):
    """A member whose damaged or missing header is an error, not the archive's end."""

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(tarfile)
        except _EndOfArchive:
            raise
        except _HeaderError as error:
            raise _ReadError(f"{error} at byte {tarfile.offset}, before its end mark") from error


_HeaderError, _ReadError = tarfile.HeaderError, tarfile.ReadError


def _checked(source: _Source) -> Iterator[bytes]:
    links = Links()
    with tarfile.open(
        fileobj=cast("IO[bytes]", source),
        mode="r|",
        bufsize=_READ,
        tarinfo=_Member,
        encoding="utf-8",
        errors="surrogateescape",
    ) as archive:
        while (member := archive.next()) is not None:
            archive.members.clear()  # type: ignore[attr-defined]  # it keeps them all
            yield from _member(archive, member, links)
    yield _END
    while source.read(_READ):
        pass  # to the end: who sends sees it taken whole


def _member(archive: tarfile.TarFile, member: tarfile.TarInfo, links: Links) -> Iterator[bytes]:
    out = _plain(member, links)
    if not out.name:
        return
    yield out.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
    if out.isreg():
        yield from _content(archive, member)


def _plain(member: tarfile.TarInfo, links: Links) -> tarfile.TarInfo:
    out = tarfile.TarInfo(plain_name(member.name))
    if not out.name and not member.isdir():
        raise BadRequest(f"archive member {member.name!r} stands for the root and is no directory")
    out.mode = member.mode & 0o7777
    out.mtime = member.mtime if math.isfinite(member.mtime) else 0
    links.check_member(out.name)
    if member.isdir():
        out.type = tarfile.DIRTYPE
    elif member.isreg():
        out.size = member.size
    elif member.issym():
        out.type, out.linkname = tarfile.SYMTYPE, member.linkname
        links.add_symlink(out.name, member.linkname)
    elif member.islnk():
        out.type = tarfile.LNKTYPE
        out.linkname = links.add_hardlink(out.name, member.linkname)
    else:
        raise BadRequest(f"archive member {member.name!r} is {_kind(member)}; it is not unpacked")
    return out


def _kind(member: tarfile.TarInfo) -> str:
    if member.isfifo():
        return "a FIFO"
    return "a device" if member.isdev() else f"of the unknown type {member.type!r}"


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    content = archive.extractfile(member)
    assert content is not None, "regular files have content"
    left = member.size
    while left:
        piece = content.read(min(left, _CHUNK))
        if not piece:
            raise tarfile.ReadError(f"{member.name!r} is cut off, {left} bytes are missing")
        left -= len(piece)
        yield piece
    yield bytes(-member.size % tarfile.BLOCKSIZE)


def _joined(pieces: Iterator[bytes]) -> Generator[bytes]:
    """Yield the same bytes in pieces of some size, never an empty one."""
    buffer = bytearray()
    for piece in pieces:
        buffer += piece
        if len(buffer) >= _CHUNK:
            yield bytes(buffer)
            buffer.clear()
    if buffer:
        yield bytes(buffer)
