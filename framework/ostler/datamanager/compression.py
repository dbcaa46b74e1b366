"""Where zstd comes from: the standard library has it since Python 3.14."""

from __future__ import annotations

import sys

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["Compressor", "decompressed", "pack", "unpack"]

_LEVEL = 1
_WORTH = 512
_PATIENCE = 7


class Compressor:
    """Compresses one piece after the other. For one thread."""

    def __init__(self) -> None:
        # Setting one up takes longer than compressing 16 KiB does.
        self._zstd = zstd.ZstdCompressor(level=_LEVEL)
        self._misses = self._skip = 0

    def shorter(self, data: bytes) -> bytes:
        """Return ``data`` as one zstd frame if that is shorter, and unchanged otherwise.

        After pieces that became no shorter it tries fewer of those that follow, one in 8 at least.
        """
        if self._skip:
            self._skip -= 1
            return data
        frame = self._zstd.compress(data, zstd.ZstdCompressor.FLUSH_FRAME)
        if len(frame) < len(data):
            self._misses = 0
            return frame
        self._misses = self._skip = min(_PATIENCE, 2 * self._misses + 1)
        return data


def decompressed(data: bytes | memoryview, size: int) -> bytes:
    """Return the ``size`` bytes in the zstd frame ``data``, never allocating much more.

    :raises ValueError: it is no such frame, or holds another number of bytes.
    """
    if not 0 <= size < sys.maxsize:
        raise ValueError(f"there is no frame of {size} bytes")
    frame = zstd.ZstdDecompressor()
    try:
        found = frame.decompress(data, size + 1)
    except zstd.ZstdError as error:
        raise ValueError(str(error)) from error
    if len(found) != size or not frame.eof or frame.unused_data:
        raise ValueError(f"the frame does not hold {size} bytes")
    return found


def pack(data: bytes) -> tuple[int, bytes]:
    """Return ``data`` for storing, with its length when it was worth compressing, else with 0."""
    if len(data) >= _WORTH:
        packed = zstd.compress(data, _LEVEL)
        if len(packed) < len(data):
            return len(data), packed
    return 0, data


def unpack(size: int, data: bytes) -> bytes:
    """Return what `pack` was given.

    :raises ValueError: it is nothing that `pack` made.
    """
    return decompressed(data, size) if size else data
