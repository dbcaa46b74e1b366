"""Object storage: one portable type in front of every driver."""

from __future__ import annotations

from .body import ObjectBody
from .keys import MAX_KEY_BYTES, check_key, check_prefix
from .storage import ObjectStorage

__all__ = [
    "MAX_KEY_BYTES",
    "ObjectBody",
    "ObjectStorage",
    "check_key",
    "check_prefix",
]
