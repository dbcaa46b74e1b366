"""The key-value store: one portable type in front of every driver, and what is built on leases."""

from __future__ import annotations

from .checks import MAX_KEY_BYTES, check_key, check_prefix
from .election import Election, Leadership
from .lease import KeptLease
from .mutex import Mutex
from .store import KeyValueStore, absent, unchanged
from .watch import Watching

__all__ = [
    "MAX_KEY_BYTES",
    "Election",
    "KeptLease",
    "KeyValueStore",
    "Leadership",
    "Mutex",
    "Watching",
    "absent",
    "check_key",
    "check_prefix",
    "unchanged",
]
