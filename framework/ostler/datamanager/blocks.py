"""Blocks: some consecutive entries of a data file, stored together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from zlib import crc32

import msgpack

from .compression import Compressor, decompressed

__all__ = ["Batch", "Block", "Entry", "cut", "decode", "encode", "sliced"]

Entry = tuple[str, bytes | None]
"""An id and its value; None is a tombstone: the id was deleted."""

Batch = tuple[list[str], list[bytes | None]]
"""Ids, ascending, and their values: the form in which entries are read, merged and written."""


@dataclass(frozen=True, slots=True)
class Block:
    """Entries that will be one block.

    :param hashes: crc32 of each id, for the filter.
    :param raw: bytes of ids and values.
    """

    ids: list[str]
    values: list[bytes | None]
    hashes: list[int]
    raw: int


def cut(batches: Iterable[Batch], size: int) -> Iterator[Block]:
    """Yield the entries again as blocks of at most ``size`` raw bytes, or of one larger entry."""
    block = Block([], [], [], raw := 0)
    for batch in batches:
        for name, value in zip(*batch, strict=True):
            key = name.encode()
            more = len(key) if value is None else len(key) + len(value)
            if raw + more > size and raw:
                yield Block(block.ids, block.values, block.hashes, raw)
                block = Block([], [], [], raw := 0)
            block.ids.append(name)
            block.values.append(value)
            block.hashes.append(crc32(key))
            raw += more
    if block.ids:
        yield Block(block.ids, block.values, block.hashes, raw)


def encode(block: Block, compressor: Compressor) -> tuple[bytes, int]:
    """Return the bytes to store, compressed if that makes them shorter, and their length before compression."""
    flat: list[str | bytes | None] = [None] * (2 * len(block.ids))
    flat[::2] = block.ids
    flat[1::2] = block.values
    packed: bytes = msgpack.packb(flat)
    return compressor.shorter(packed), len(packed)


def decode(stored: bytes | memoryview, length: int) -> Batch:
    """Return the entries of a block whose checksum was found right.

    :param length: before compression, in bytes.
    :raises ValueError: it is no such block.
    """
    packed = stored if len(stored) == length else decompressed(stored, length)
    flat = msgpack.unpackb(packed)
    if not isinstance(flat, list) or len(flat) % 2 or not flat:
        raise ValueError("it holds no list of entries")
    return flat[::2], flat[1::2]


def sliced(batch: Batch, start: int, end: int | None = None) -> Batch:
    """Return the entries ``start`` (included) to ``end`` (excluded) of a batch."""
    ids, values = batch
    return ids[start:end], values[start:end]
