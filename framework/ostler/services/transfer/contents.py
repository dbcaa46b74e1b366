"""Whether two objects have the same bytes."""

from __future__ import annotations

from ostler.spi.storage import Readable

__all__ = ["same_bytes"]

_PIECE = 1 << 20


def same_bytes(one: Readable, other: Readable) -> bool:
    """Read both, in pieces, until they differ or end."""
    while True:
        piece = one.read(_PIECE)
        if piece != _exactly(other, len(piece) or 1):
            return False
        if not piece:
            return True


def _exactly(source: Readable, size: int) -> bytes:
    """Return ``size`` bytes, less only at the end."""
    data = source.read(size)
    while data and len(data) < size:
        more = source.read(size - len(data))
        if not more:
            break
        data += more
    return data
