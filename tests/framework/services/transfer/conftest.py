"""Memory storages whose objects, times and faults are given."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping

import pytest

from ostler.clock import SystemClock
from ostler.errors import Error, NotFound
from ostler.ost import ObjectStorage
from ostler.retry import RetryPolicy
from ostler.services.transfer import Place
from ostler.spi.storage import Body, CommonPrefix, ObjectInfo, Readable
from ostler_memory.driver import MemorySettings, MemoryStorage

DEADLINE = 30.0


class Held(MemoryStorage):
    """Objects with times of the test's choice; keys that fail; a word before each put and get.

    :ivar faults: raised by puts and gets of these keys.
    :ivar before: called with ``"get"`` or ``"put"`` and the key, outside of any lock.
    """

    def __init__(self) -> None:
        super().__init__(MemorySettings())
        self.time: float | None = None
        self.faults: dict[tuple[str, str], Error] = {}
        self.before: Callable[[str, str], None] = lambda what, key: None
        self.puts: list[str] = []
        self._guard = threading.Lock()

    def get(self, key: str, start: int, end: int | None) -> tuple[ObjectInfo, Body]:
        self.before("get", key)
        if ("get", key) in self.faults:
            raise self.faults["get", key]
        return super().get(key, start, end)

    def put(
        self, key: str, source: Readable, *, size: int | None, persist: bool, if_absent: bool
    ) -> ObjectInfo:
        self.before("put", key)
        if ("put", key) in self.faults:
            raise self.faults["put", key]
        info = super().put(key, source, size=size, persist=persist, if_absent=if_absent)
        with self._guard:
            self.puts.append(key)
        if self.time is None:
            return info
        return self.dated(key, self.time)

    def dated(self, key: str, time: float) -> ObjectInfo:
        info, data = self._objects[key]
        dated = ObjectInfo(key, info.size, time, info.etag)
        self._objects[key] = dated, data
        return dated

    def has(self, key: str) -> bool:
        try:
            self.stat(key)
        except NotFound:
            return False
        return True


class Unordered(Held):
    """Says that its listings are in order, and turns them around."""

    def list(
        self, prefix: str, start_after: str, delimiter: str
    ) -> Iterator[ObjectInfo | CommonPrefix]:
        yield from reversed(list(super().list(prefix, start_after, delimiter)))


def place_on(driver: MemoryStorage, prefix: str = "") -> Place:
    storage = ObjectStorage(driver, clock=SystemClock(), retry=RetryPolicy(attempts=1))
    return Place(storage, prefix, "memory")


def fill(place: Place, objects: Mapping[str, bytes]) -> None:
    for name, data in objects.items():
        place.storage.put(place.prefix + name, data)


def contents(place: Place) -> dict[str, bytes]:
    return {name: place.storage.read(info.key) for name, info in place.objects()}


@pytest.fixture
def source() -> Held:
    return Held()


@pytest.fixture
def target() -> Held:
    return Held()
