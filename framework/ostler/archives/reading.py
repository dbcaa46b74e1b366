"""Tar streams that are read and written a member at a time."""

from __future__ import annotations

import sys
import tarfile
from collections.abc import Callable, Generator, Iterator
from typing import IO, Any, cast

from ostler.errors import BadRequest
from ostler.spi.storage import Body, Readable

__all__ = ["END", "BodyOf", "Visit", "copy_of", "members", "rewrite"]

END = b"\0" * (2 * tarfile.BLOCKSIZE)
"""What a tar stream ends with."""

_CHUNK = 1 << 20
_NAMES = ("path", "linkpath")

Pieces = Generator[bytes, None, None]

Visit = Callable[[tarfile.TarInfo], None]
"""Is shown each member before it passes; may change its name, or raise."""


class BodyOf(Body):
    """What a generator of pieces yields, as something to read from.

    Reads are whole: they end early only where the generator ends.
    """

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self._left = memoryview(b"")

    def read(self, size: int = -1, /) -> bytes:
        wanted = sys.maxsize if size < 0 else size
        taken = bytearray()
        while len(taken) < wanted and self._more():
            piece = self._left[: wanted - len(taken)]
            self._left = self._left[len(piece) :]
            taken += piece
        return bytes(taken)

    def _more(self) -> bool:
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return False
            self._left = memoryview(piece)
        return True

    def close(self) -> None:
        self._left = memoryview(b"")
        self._pieces.close()


def rewrite(source: Readable, visit: Visit) -> Body:
    """Return ``source``, a tar stream, as one whose members ``visit`` has seen or changed.

    :raises BadRequest: while reading: the stream is no tar.
    """
    return BodyOf(_rewritten(source, visit))


def _rewritten(source: Readable, visit: Visit) -> Pieces:
    for archive, member in members(source):
        visit(member)
        yield from copy_of(archive, member)
    yield END


def members(source: Readable) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Yield each member with its archive; its content must be read before the next one.

    :raises BadRequest: the stream is no tar, or a member's content is cut off.
    """
    try:
        with tarfile.open(
            fileobj=cast("IO[bytes]", source), mode="r|", errorlevel=2, bufsize=_CHUNK
        ) as archive:
            while (member := archive.next()) is not None:
                yield archive, member
                cast("Any", archive).members.clear()  # it would remember every one of them
    except tarfile.TarError as error:
        raise _broken(error) from error


def copy_of(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Pieces:
    """Yield a member as it stands in a tar stream: its header, then its content if it is a file."""
    # An extended header wins over the fields, and so would undo a change of name.
    member.pax_headers = {
        name: value for name, value in member.pax_headers.items() if name not in _NAMES
    }
    yield member.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
    if member.isreg():
        yield from _content(archive, member)
        yield b"\0" * (-member.size % tarfile.BLOCKSIZE)


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Pieces:
    content = archive.extractfile(member)
    assert content is not None  # it is a file
    try:
        while piece := content.read(_CHUNK):
            yield piece
    except tarfile.TarError as error:
        raise _broken(error) from error


def _broken(error: tarfile.TarError) -> BadRequest:
    return BadRequest(f"this is not a whole tar archive: {error}")
