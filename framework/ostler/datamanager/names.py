"""The names of everything that the datamanager keeps, in object storage and in the key-value store."""

from __future__ import annotations

import re

__all__ = [
    "CHECKPOINTER",
    "DATA",
    "HEAD",
    "KV_PREFIX",
    "MANIFESTS",
    "PROBES",
    "TURN",
    "WALS",
    "number_of",
    "numbered",
]

WALS = "wal/"
MANIFESTS = "manifest/"
DATA = "data/"
PROBES = "probe/"
HEAD = "head"
"""The key that says how far the log reaches, below the prefix of the datamanager's keys."""

CHECKPOINTER = "checkpointer"
"""The mutex of the process that makes checkpoints: others need not at the same time."""

KV_PREFIX = "datamanager/"
"""Goes before the keys of the datamanager in the key-value store."""

TURN = "turn"
"""The key by which a process asks others to let it write."""

_WIDTH = 20
_NUMBER = re.compile(f"[0-9]{{{_WIDTH}}}")


def numbered(prefix: str, number: int) -> str:
    """Return the key of an object of a sequence: of fixed width, so that names sort as numbers."""
    return f"{prefix}{number:0{_WIDTH}}"


def number_of(key: str) -> int | None:
    """Return the number of such a key; None: it is something else."""
    digits = key.rpartition("/")[2]
    return int(digits) if _NUMBER.fullmatch(digits) else None
