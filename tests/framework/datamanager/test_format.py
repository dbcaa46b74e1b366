"""A reader written from docs/datamanager-format.md alone reads what is written."""

from __future__ import annotations

import hashlib
import random
import sys
from typing import Any
from zlib import crc32

import msgpack

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

from .files_support import Files


def number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def read_index(data: bytes) -> tuple[int, dict[str, Any]]:
    tail = data[-24:]
    assert (tail[16:20], number(tail[20:])) == (b"OSTD", crc32(tail[:20]))
    start, length = number(tail[:8]), number(tail[8:16])
    assert start + length + 24 == len(data)
    sealed = data[start : start + length]
    assert (sealed[:4], sealed[4:6], sealed[6:8]) == (b"OSTD", b"\0\1", b"\0\0")
    assert number(sealed[8:16]) == length - 32
    assert sealed[-16:] == hashlib.blake2b(sealed[:-16], digest_size=16).digest()
    return start, msgpack.unpackb(sealed[16:-16])


def read_entries(data: bytes, index: dict[str, Any]) -> list[tuple[str, bytes | None]]:
    entries: list[tuple[str, bytes | None]] = []
    start = 0
    for at, first in enumerate(index["firsts"]):
        record = index["blocks"][16 * at : 16 * at + 16]
        end, length = number(record[:8]), number(record[8:12])
        stored = data[start:end]
        assert crc32(stored) == number(record[12:])
        flat = msgpack.unpackb(stored if len(stored) == length else zstd.decompress(stored))
        assert flat[0] == first
        entries += zip(flat[::2], flat[1::2], strict=True)
        start = end
    return entries


def is_set(bits: bytes, at: int) -> bool:
    return bool(bits[at // 8] >> at % 8 & 1)


def test_the_documented_format_is_what_is_written() -> None:
    dice = random.Random(2)
    entries = [
        (f"é{each:04}", None if each % 7 == 0 else dice.randbytes(99) if each % 2 else bytes(99))
        for each in range(1000)
    ]
    files = Files()
    (info,) = files.write(entries)
    data = files.storage.read(info.key)
    start, index = read_index(data)
    assert read_entries(data, index) == entries
    assert (index["key"], index["last"]) == (info.key, "é0999")
    assert (index["count"], index["deleted"]) == (1000, 143)
    bits = data[number(index["blocks"][-16:-8]) : start]
    assert (len(bits), crc32(bits)) == (2000, index["filter"])
    for name, _value in entries:
        mixed = crc32(name.encode()) * 0x9E3779B97F4A7C15 % 2**64
        assert is_set(bits, mixed // 2**32 * 16000 // 2**32)
        assert is_set(bits, mixed % 2**32 * 16000 // 2**32)
    assert info.digest == hashlib.blake2b(data, digest_size=16).digest()
