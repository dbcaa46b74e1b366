"""Bytes and times as people and programs read them."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["human_size", "plural", "utc"]

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def human_size(size: float) -> str:
    """Return bytes in words: ``12 B``, ``3.4 GiB``."""
    unit = 0
    while abs(size) >= 999.5 and unit < len(_UNITS) - 1:
        size /= 1024
        unit += 1
    return f"{size:.0f} {_UNITS[unit]}" if unit == 0 else f"{size:.1f} {_UNITS[unit]}"


def plural(count: int, what: str) -> str:
    """Return ``1 object``, ``1,200 objects``."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def utc(seconds: float) -> str:
    """Return a time since 1970-01-01 UTC as ISO 8601, in whole seconds."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
