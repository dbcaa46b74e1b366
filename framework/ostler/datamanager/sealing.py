"""The seal around every object: what it is, which version, how long, and a checksum of all of it."""

from __future__ import annotations

import struct
from enum import Enum
from hashlib import blake2b

from ostler.errors import Internal

__all__ = ["DIGEST_SIZE", "VERSION", "Kind", "damaged", "digest_of", "seal", "unseal"]

VERSION = 1
DIGEST_SIZE = 16
_HEADER = struct.Struct(">4sHHQ")


class Kind(Enum):
    """What an object holds, by its first four bytes."""

    WAL = b"OSTW"
    MARKER = b"OSTK"
    DATA = b"OSTD"
    MANIFEST = b"OSTM"


def seal(kind: Kind, payload: bytes) -> bytes:
    """Return ``payload`` as an object: header, payload, digest of both."""
    head = _HEADER.pack(kind.value, VERSION, 0, len(payload))
    digest = blake2b(head, digest_size=DIGEST_SIZE)
    digest.update(payload)
    return b"".join((head, payload, digest.digest()))


def unseal(kind: Kind, data: bytes, name: str) -> bytes:
    """Return the payload of an object, every byte of which was checked.

    :param name: of the object, for the message.
    :raises Internal: it is damaged (code ``"damaged"``), or a newer version wrote it
        (code ``"newer_version"``).
    """
    if len(data) < _HEADER.size + DIGEST_SIZE:
        raise damaged(name, f"it has {len(data)} bytes, fewer than a header and a checksum")
    body = memoryview(data)[:-DIGEST_SIZE]
    if blake2b(body, digest_size=DIGEST_SIZE).digest() != digest_of(data):
        raise damaged(name, "its checksum does not match its content")
    magic, version, flags, length = _HEADER.unpack_from(data)
    if magic != kind.value:
        raise damaged(name, f"it begins with {magic!r}, not {kind.value!r}")
    if version > VERSION or flags:
        raise Internal(
            f"{name} was written in version {version} of the format and this program reads up "
            f"to {VERSION}: use the Ostler that wrote it, or a later one",
            code="newer_version",
            details={"object": name},
        )
    if length != len(body) - _HEADER.size:
        raise damaged(name, f"its payload has {len(body) - _HEADER.size} bytes, not {length}")
    return bytes(body[_HEADER.size :])


def digest_of(sealed: bytes) -> bytes:
    """Return the digest at the end of a sealed object: 16 bytes, blake2b of all that precedes."""
    return sealed[-DIGEST_SIZE:]


def damaged(name: str, reason: str) -> Internal:
    """Return the alarm that an object cannot be used."""
    return Internal(
        f"{name} is damaged: {reason}. `ostler data verify` tells the extent, and `ostler data "
        "export --up-to` saves what is whole",
        code="damaged",
        details={"object": name},
    )
