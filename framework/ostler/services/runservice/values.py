"""How values lie in the key-value store, and the comparison that guards them."""

from __future__ import annotations

import json
from typing import Any

from ostler.errors import Internal
from ostler.spi.kv import Compare, KeyValue, Target

__all__ = ["at_revision", "dump", "load"]


def dump(value: Any) -> bytes:
    """Encode a JSON-like value compactly."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def load(item: KeyValue) -> Any:
    """Decode what `dump` wrote.

    :raises Internal: the stored value is damaged; names its key.
    """
    try:
        return json.loads(item.value)
    except ValueError as error:
        raise Internal(f"the stored value of {item.key!r} is damaged: {error}") from error


def at_revision(key: str, revision: int) -> Compare:
    """Return the comparison "last written at ``revision``"; 0: it does not exist."""
    return Compare(key, Target.MOD_REVISION, revision)
