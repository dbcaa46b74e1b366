"""The end of a data file: its filter, its index, sealed, and the tail that tells where they are."""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import msgpack

from .blocks import Block
from .filters import BYTES_PER_ENTRY, build_filter
from .sealing import VERSION, Kind, damaged, seal, unseal

__all__ = ["RECORD_SIZE", "TAIL_SIZE", "Contents", "Index", "Place", "read_index", "tail_of"]

_TAIL = struct.Struct(">QQ4s")
_RECORD = struct.Struct(">QII")
TAIL_SIZE = _TAIL.size + 4
RECORD_SIZE = _RECORD.size
_ID_MEMORY = 64


@dataclass(frozen=True, slots=True)
class Place:
    """Where a block is and how it is recognised.

    :param start: of its first byte in the file.
    :param end: behind its last one.
    :param length: before compression, in bytes.
    :param check: crc32 of it as it is stored.
    """

    start: int
    end: int
    length: int
    check: int


@dataclass(frozen=True, slots=True)
class Index:
    """What a data file says of itself.

    :param key: of the object: another one in its place is seen, however alike.
    :param firsts: the first id of each block.
    :param deleted: how many of the ``count`` entries are tombstones.
    :param records: for each block where it ends, its length before compression, its crc32.
    :param check: crc32 of the filter.
    :param size: of all this in the file, in bytes.
    """

    key: str
    firsts: list[str]
    last: str
    count: int
    deleted: int
    records: bytes
    check: int
    size: int

    @property
    def end(self) -> int:
        """Where the blocks end, and the filter begins."""
        return self.ends(len(self.firsts))

    def ends(self, number: int) -> int:
        """Return how many bytes the first ``number`` blocks take."""
        end: int = _RECORD.unpack_from(self.records, (number - 1) * RECORD_SIZE)[0] if number else 0
        return end

    def place(self, number: int) -> Place:
        """Return where block ``number`` is."""
        return Place(self.ends(number), *_RECORD.unpack_from(self.records, number * RECORD_SIZE))

    @property
    def memory(self) -> int:
        """About how many bytes this and the filter take in memory."""
        return 500 + BYTES_PER_ENTRY * self.count + self.size + _ID_MEMORY * len(self.firsts)


@dataclass(slots=True)
class Contents:
    """What a file will say of itself, gathered while it is written."""

    firsts: list[str] = field(default_factory=list)
    last: str = ""
    count: int = 0
    deleted: int = 0
    end: int = 0
    records: bytearray = field(default_factory=bytearray)
    hashes: array[int] = field(default_factory=lambda: array("I"))

    def add(self, block: Block, stored: bytes, length: int) -> None:
        """Note a block, as it is stored, and its length before compression."""
        self.firsts.append(block.ids[0])
        self.last = block.ids[-1]
        self.count += len(block.ids)
        self.deleted += block.values.count(None)
        self.hashes.extend(block.hashes)
        self.end += len(stored)
        self.records += _RECORD.pack(self.end, length, crc32(stored))

    def footer(self, key: str) -> bytes:
        """Return filter, sealed index and tail."""
        bits = build_filter(self.hashes, self.count)
        payload = {
            "key": key,
            "firsts": self.firsts,
            "last": self.last,
            "count": self.count,
            "deleted": self.deleted,
            "blocks": bytes(self.records),
            "filter": crc32(bits),
        }
        sealed = seal(Kind.DATA, msgpack.packb(payload))
        tail = _TAIL.pack(self.end + len(bits), len(sealed), Kind.DATA.value)
        return b"".join((bits, sealed, tail, crc32(tail).to_bytes(4, "big")))


def tail_of(data: bytes, size: int, name: str) -> tuple[int, int]:
    """Return where the sealed index of a file of ``size`` bytes begins and ends.

    :param data: the end of the file, at least `TAIL_SIZE` of it.
    :raises Internal: the tail is damaged.
    """
    tail, check = data[-TAIL_SIZE:-4], data[-4:]
    if len(tail) != _TAIL.size or crc32(tail).to_bytes(4, "big") != check:
        raise damaged(name, f"the checksum of its last {TAIL_SIZE} bytes is wrong")
    start, length, magic = _TAIL.unpack(tail)
    if magic != Kind.DATA.value or start + length + TAIL_SIZE != size:
        raise damaged(name, f"its last {TAIL_SIZE} bytes do not fit its length of {size} bytes")
    return start, start + length


def read_index(sealed: bytes, name: str) -> Index:
    """Return the index that was sealed.

    :raises Internal: it is damaged, or of a newer version.
    """
    payload = unseal(Kind.DATA, sealed, name)
    try:
        return _index(msgpack.unpackb(payload), len(payload))
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(name, f"its index is not as version {VERSION} has it ({error})") from error


def _index(found: dict[str, Any], size: int) -> Index:
    firsts, records = found["firsts"], found["blocks"]
    if not firsts or len(records) != len(firsts) * RECORD_SIZE:
        raise ValueError(f"{len(records)} bytes about {len(firsts)} blocks")
    return Index(
        key=found["key"],
        firsts=firsts,
        last=found["last"],
        count=found["count"],
        deleted=found["deleted"],
        records=records,
        check=found["filter"],
        size=size,
    )
