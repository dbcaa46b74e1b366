"""Zstandard, from the standard library where it has it."""

from __future__ import annotations

import sys

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["pack", "unpack"]

_LEVEL = 1
_WORTH = 512


def pack(data: bytes) -> tuple[bool, bytes]:
    """Return whether it was worth compressing, and the bytes to store."""
    if len(data) < _WORTH:
        return False, data
    packed = zstd.compress(data, _LEVEL)
    return (True, packed) if len(packed) < len(data) else (False, data)


def unpack(data: bytes) -> bytes:
    """Return what was compressed. The caller has checked the checksum.

    :raises ValueError: it is nothing that `pack` made.
    """
    try:
        return zstd.decompress(data)
    except zstd.ZstdError as error:
        raise ValueError(str(error)) from error
