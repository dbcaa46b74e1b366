"""What becomes of entries that are imported into a database that has them already."""

from __future__ import annotations

from collections.abc import Iterable

from ostler.datamanager import Put

from . import entries

__all__ = ["MergeRuns"]


class MergeRuns:
    """Keeps what is there, and of two counters the higher one: no number is ever given twice."""

    def groups(self, entry: Put) -> Iterable[str]:
        return [f"{entries.COUNTER}/{entry.id}"] if entry.type == entries.COUNTER else []

    def merged(self, entry: Put, here: bytes) -> bytes:
        if entry.type != entries.COUNTER:
            return here
        return max(entry.data, here, key=entries.decode_counter)
