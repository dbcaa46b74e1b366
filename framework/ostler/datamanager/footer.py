"""The end of a data file: its index, sealed, and the tail that tells where the index is."""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any
from zlib import crc32

import msgpack

from .filters import build_filter
from .sealing import VERSION, Kind, damaged, seal, unseal

__all__ = ["TAIL_SIZE", "Contents", "Index", "read_footer", "tail_of"]

_TAIL = struct.Struct(">QQ4s")
TAIL_SIZE = _TAIL.size + 4


@dataclass(frozen=True, slots=True)
class Index:
    """What the footer says of a data file.

    :param firsts: the first id of each block.
    :param ends: where each block begins, and where the last one ends.
    :param lengths: of each block before compression, in bytes.
    :param checks: crc32 of each block as it is stored.
    """

    type: str
    firsts: list[str]
    last: str
    count: int
    ends: list[int]
    lengths: tuple[int, ...]
    checks: tuple[int, ...]
    filter: bytes

    @property
    def memory(self) -> int:
        """About how many bytes this takes in memory."""
        return len(self.filter) + 200 * len(self.firsts) + sum(map(len, self.firsts))


@dataclass(slots=True)
class Contents:
    """What a footer will say, gathered while the file is written."""

    firsts: list[str] = field(default_factory=list)
    last: str = ""
    count: int = 0
    stored: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    checks: list[int] = field(default_factory=list)
    hashes: array[int] = field(default_factory=lambda: array("I"))

    def footer(self, type: str, end: int) -> bytes:
        """Return sealed index and tail, for a file whose blocks end at ``end``."""
        payload = {
            "type": type,
            "firsts": self.firsts,
            "last": self.last,
            "count": self.count,
            "stored": _packed(self.stored),
            "lengths": _packed(self.lengths),
            "checks": _packed(self.checks),
            "filter": build_filter(self.hashes, self.count),
        }
        sealed = seal(Kind.DATA, msgpack.packb(payload))
        tail = _TAIL.pack(end, len(sealed), Kind.DATA.value)
        return b"".join((sealed, tail, crc32(tail).to_bytes(4, "big")))


def tail_of(data: bytes, size: int, name: str) -> tuple[int, int]:
    """Return where the footer of a file of ``size`` bytes begins and ends.

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


def read_footer(sealed: bytes, start: int, name: str) -> Index:
    """Return the index in a footer.

    :param start: where the footer begins in the file.
    :raises Internal: it is damaged, or of a newer version.
    """
    payload = unseal(Kind.DATA, sealed, name)
    try:
        index = _index(msgpack.unpackb(payload))
    except (ValueError, KeyError, TypeError, struct.error) as error:
        raise damaged(name, f"its index is not as version {VERSION} has it ({error})") from error
    if index.ends[-1] != start:
        raise damaged(name, f"its index tells of {index.ends[-1]} bytes of blocks, not {start}")
    return index


def _index(found: dict[str, Any]) -> Index:
    firsts = found["firsts"]
    if not firsts:
        raise ValueError("no block")
    stored = _unpacked(found["stored"], len(firsts))
    return Index(
        type=found["type"],
        firsts=firsts,
        last=found["last"],
        count=found["count"],
        ends=list(accumulate(stored, initial=0)),
        lengths=_unpacked(found["lengths"], len(firsts)),
        checks=_unpacked(found["checks"], len(firsts)),
        filter=found["filter"],
    )


def _packed(numbers: list[int]) -> bytes:
    return struct.pack(f">{len(numbers)}I", *numbers)


def _unpacked(data: bytes, count: int) -> tuple[int, ...]:
    return struct.unpack(f">{count}I", data)
