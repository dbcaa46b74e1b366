"""A Bloom filter: tells most ids that are not in a file without reading a block."""

from __future__ import annotations

from collections.abc import Iterable
from zlib import crc32

__all__ = ["BYTES_PER_ENTRY", "build_filter", "hash_of", "may_hold"]

BYTES_PER_ENTRY = 2
_MIX = 0x9E3779B97F4A7C15
_HALF = 0xFFFFFFFF


def hash_of(id: str) -> int:
    """Return 32 bits that are the same in every process: crc32 of the UTF-8 bytes."""
    return crc32(id.encode())


def build_filter(hashes: Iterable[int], count: int) -> bytes:
    """Return the filter of ``count`` ids with these `hash_of`: 2 bytes for each."""
    bits = bytearray(count * BYTES_PER_ENTRY)
    size = len(bits) * 8
    for hashed in hashes:
        mixed = hashed * _MIX
        at = (mixed >> 32 & _HALF) * size >> 32
        bits[at >> 3] |= 1 << (at & 7)
        at = (mixed & _HALF) * size >> 32
        bits[at >> 3] |= 1 << (at & 7)
    return bytes(bits)


def may_hold(bits: bytes, hashed: int) -> bool:
    """Tell whether an id with this `hash_of` may be in the file: False is certain, True 98.6 % so."""
    size = len(bits) * 8
    mixed = hashed * _MIX
    at = (mixed >> 32 & _HALF) * size >> 32
    if not bits[at >> 3] >> (at & 7) & 1:
        return False
    at = (mixed & _HALF) * size >> 32
    return bool(bits[at >> 3] >> (at & 7) & 1)
