"""The envelope around every object of the datamanager: magic, version, length, checksum."""

from __future__ import annotations

import hashlib
import struct
from enum import Enum

from ostler.errors import Internal

__all__ = ["DIGEST_SIZE", "VERSION", "Kind", "damaged", "digest_of", "missing", "seal", "unseal"]

VERSION = 1
_HEAD = struct.Struct(">4sHHQ")
DIGEST_SIZE = 16


class Kind(Enum):
    """What an object is: its first four bytes."""

    WAL = b"OSTW"
    DATA = b"OSTD"
    MANIFEST = b"OSTM"


def seal(kind: Kind, payload: bytes) -> bytes:
    """Return ``payload`` with its head before it and the digest of both behind it."""
    head = _HEAD.pack(kind.value, VERSION, 0, len(payload))
    return b"".join((head, payload, _digest(head, payload)))


def unseal(kind: Kind, data: bytes, name: str) -> bytes:
    """Return the payload of what `seal` made.

    The envelope is the same in every version, so damage is told from a newer version.

    :param name: of the object, for the error.
    :raises Internal: what `damaged` returns; code ``"newer_version"`` when a
        newer Ostler wrote it.
    """
    if len(data) < _HEAD.size + DIGEST_SIZE:
        raise damaged(name, f"it ends after {len(data)} bytes, before its seal is complete")
    magic, version, flags, length = _HEAD.unpack_from(data)
    if magic != kind.value:
        raise damaged(name, f"it begins with {magic!r} instead of {kind.value!r}")
    if length != len(data) - _HEAD.size - DIGEST_SIZE:
        raise damaged(name, f"its seal announces {length} bytes, and it has another length")
    if _digest(memoryview(data)[:-DIGEST_SIZE]) != digest_of(data):
        raise damaged(name, "its checksum is wrong")
    if version > VERSION or flags:
        raise _newer(name, version)
    return data[_HEAD.size : -DIGEST_SIZE]


def digest_of(sealed: bytes) -> bytes:
    """Return the digest at the end of a sealed object: 16 bytes."""
    return sealed[-DIGEST_SIZE:]


def damaged(name: str, reason: str) -> Internal:
    """Return the error for an object that is not what was written.

    :param reason: continues "the object is damaged: …".
    """
    return Internal(
        f"the object {name!r} is damaged: {reason}; `ostler data verify` tells the extent, "
        "and `ostler data export --up-to` saves what is whole",
        code="damaged",
        details={"object": name},
    )


def _newer(name: str, version: int) -> Internal:
    return Internal(
        f"the object {name!r} was written by a newer Ostler (format version {version}, this one "
        f"reads up to {VERSION}): use that version or a later one",
        code="newer_version",
        details={"object": name},
    )


def _digest(*parts: bytes | memoryview) -> bytes:
    hashed = hashlib.blake2b(digest_size=DIGEST_SIZE)
    for part in parts:
        hashed.update(part)
    return hashed.digest()


def missing(name: str, sign: str) -> Internal:
    """Return the alarm that an object that must be there is not.

    :param sign: continues "the object is missing though …".
    """
    return Internal(
        f"the object {name!r} is missing though {sign}; restore it, or see what `ostler data "
        "verify` tells and what `ostler data export --up-to` saves",
        code="missing",
        details={"object": name},
    )
