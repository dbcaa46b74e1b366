"""A database as lines of JSON, for keeping, for looking at, and for another database."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator

from .rescuing import Rescue

__all__ = ["FORMAT", "VERSION", "export_lines"]

FORMAT = "ostler-export"
VERSION = 1


def export_lines(rescued: Rescue) -> Iterator[bytes]:
    """Yield the lines of an export: a header, then one per entry. One point in time; streams."""
    header = {
        "format": FORMAT,
        "version": VERSION,
        "cluster": rescued.cluster,
        "commit": rescued.commit,
    }
    yield _line(header)
    for put in rescued.entries():
        yield _line({"type": put.type, "id": put.id, "data": b64encode(put.data).decode()})


def _line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
