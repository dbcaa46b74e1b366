"""A driver that tells what it was asked, and one that fails."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NoReturn

from ostler.spi.storage import Body, CommonPrefix, ObjectInfo, Readable
from ostler_memory.driver import MemorySettings, MemoryStorage


class CountingStorage(MemoryStorage):
    """Keeps the name of every call in ``calls``, and the ranges that were asked for in ``ranges``.

    Raises what ``refused`` has for a key that is to be put.
    """

    def __init__(self, settings: MemorySettings) -> None:
        super().__init__(settings)
        self.calls: list[str] = []
        self.ranges: list[tuple[int, int | None]] = []
        self.refused: dict[str, Exception] = {}

    def taken(self) -> list[str]:
        """Return the calls since the last time."""
        taken, self.calls = self.calls, []
        return taken

    def stat(self, key: str) -> ObjectInfo:
        self.calls.append("stat")
        return super().stat(key)

    def get(self, key: str, start: int, end: int | None) -> tuple[ObjectInfo, Body]:
        self.calls.append("get")
        self.ranges.append((start, end))
        return super().get(key, start, end)

    def put(
        self, key: str, source: Readable, *, size: int | None, persist: bool, if_absent: bool
    ) -> ObjectInfo:
        self.calls.append("put")
        if key in self.refused:
            raise self.refused[key]
        return super().put(key, source, size=size, persist=persist, if_absent=if_absent)

    def persist(self, keys: Sequence[str]) -> None:
        self.calls.append("persist")
        super().persist(keys)

    def delete(self, key: str) -> None:
        self.calls.append("delete")
        super().delete(key)

    def delete_many(self, keys: Iterable[str]) -> None:
        self.calls.append("delete_many")
        for key in keys:
            super().delete(key)

    def list(
        self, prefix: str, start_after: str, delimiter: str
    ) -> Iterator[ObjectInfo | CommonPrefix]:
        self.calls.append("list")
        return super().list(prefix, start_after, delimiter)


class BrokenStorage(MemoryStorage):
    """Raises ``error`` whatever it is asked."""

    def __init__(self, error: Exception) -> None:
        super().__init__(MemorySettings())
        self.error = error

    def _find(self, key: str) -> NoReturn:
        raise self.error

    def put(
        self, key: str, source: Readable, *, size: int | None, persist: bool, if_absent: bool
    ) -> NoReturn:
        raise self.error

    def delete_many(self, keys: Iterable[str]) -> NoReturn:
        raise self.error

    def list(self, prefix: str, start_after: str, delimiter: str) -> NoReturn:
        raise self.error
