"""What a put reads: a beginning that fits into memory, and the rest piece by piece."""

from __future__ import annotations

from collections.abc import Iterator

from ostler.spi.storage import Readable

__all__ = ["head_of", "rest_of"]

_PIECE = 1 << 20


def head_of(source: Readable, size: int | None, most: int) -> tuple[bytes, bool]:
    """Return up to ``most`` bytes, and whether they are all that there is.

    :param size: of the source, in bytes; None when unknown.
    """
    pieces: list[bytes] = []
    count = 0
    end = most if size is None else min(most, size)
    while count < end:
        piece = source.read(min(_PIECE, end - count))
        if not piece:
            return b"".join(pieces), True
        pieces.append(piece)
        count += len(piece)
    return b"".join(pieces), count == size


def rest_of(source: Readable, size: int | None, done: int) -> Iterator[bytes]:
    """Yield what follows the first ``done`` bytes."""
    while done != size:
        piece = source.read(_PIECE if size is None else min(_PIECE, size - done))
        if not piece:
            return
        done += len(piece)
        yield piece
