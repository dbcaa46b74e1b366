"""A copy of what archived runs are looked for by, in a local SQLite file: always correct, or made anew."""

from __future__ import annotations

from .runs import RunIndex

__all__ = ["RunIndex"]
