"""What the objects of a datamanager mean: read with its own decoders, as they were at import.

Mutants are applied later, and to the places where the datamanager uses them,
so the oracle goes on seeing the truth.
"""

from __future__ import annotations

from dataclasses import replace

from ostler.datamanager.manifest import Manifest, decode_manifest
from ostler.datamanager.records import Batch, Transaction, decode_batch, encode_batch

__all__ = [
    "Batch",
    "Manifest",
    "Transaction",
    "batch_of",
    "kind_of",
    "manifest_of",
    "number_of",
    "unchained",
]

_WIDTH = 20
_batch, _manifest, _encoded = decode_batch, decode_manifest, encode_batch


def kind_of(key: str) -> str:
    """Return the first part of a key."""
    return key.partition("/")[0]


def number_of(key: str) -> int | None:
    """Return the number in ``<kind>/<20 digits>``; None: the key is of another form."""
    digits = key.partition("/")[2]
    return int(digits) if len(digits) == _WIDTH and digits.isdigit() else None


def batch_of(data: bytes, key: str) -> Batch:
    """Decode an object of the log."""
    return _batch(data, key)


def unchained(data: bytes, key: str) -> bytes:
    """Return an object of the log as another log would have it: whole, and following something else."""
    return _encoded(replace(_batch(data, key), previous=bytes(16), transactions=()))


def manifest_of(data: bytes, key: str) -> Manifest:
    """Decode a manifest."""
    return _manifest(data, key)
