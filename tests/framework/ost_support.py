"""A clock that never waits, and a driver that fails when it is told to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ostler.errors import Unavailable
from ostler.ost import ObjectStorage
from ostler.retry import RetryPolicy
from ostler.spi.storage import (
    Body,
    Capabilities,
    CommonPrefix,
    ObjectInfo,
    Readable,
)
from ostler_memory.driver import MemorySettings, MemoryStorage


class TestClock:
    __test__ = False

    def __init__(self, random: float = 0.5) -> None:
        self.time, self.pauses, self.chance = 0.0, list[float](), random

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.time += seconds

    def random(self) -> float:
        return self.chance

    def new_id(self) -> str:
        raise NotImplementedError


class FlakyStorage(MemoryStorage):
    """Raises the next of ``errors`` at every call, before or (``late``) after the work is done."""

    def __init__(self, *errors: Exception | None, capabilities: Capabilities | None = None) -> None:
        super().__init__(MemorySettings())
        self.errors: list[Exception | None] = list(errors)
        self.calls: list[str] = []
        self.late = False
        self.closed = 0
        self.given = capabilities

    @property
    def capabilities(self) -> Capabilities:
        return self.given or super().capabilities

    def _call(self, name: str, work: Callable[[], Any]) -> Any:
        self.calls.append(name)
        error = self.errors.pop(0) if self.errors else None
        if error is not None and not self.late:
            raise error
        result = work()
        if error is not None:
            raise error
        return result

    def stat(self, key: str) -> ObjectInfo:
        found: ObjectInfo = self._call("stat", lambda: super(FlakyStorage, self).stat(key))
        return found

    def get(self, key: str, start: int, end: int | None) -> tuple[ObjectInfo, Body]:
        work = lambda: super(FlakyStorage, self).get(key, start, end)  # noqa: E731 - needs super
        found: tuple[ObjectInfo, Body] = self._call(f"get {start}", work)
        return found

    def put(self, key: str, source: Readable, **options: Any) -> ObjectInfo:
        work = lambda: super(FlakyStorage, self).put(key, source, **options)  # noqa: E731 - needs super
        stored: ObjectInfo = self._call("put", work)
        return stored

    def delete_many(self, keys: Iterable[str]) -> None:
        batch = list(keys)
        self._call(f"delete {len(batch)}", lambda: [self.delete(key) for key in batch])

    def close(self) -> None:
        self.closed += 1


class CutBody(Body):
    """Breaks off after some bytes, in a way of its own."""

    def __init__(self, body: Body, good: int, error: Exception | None) -> None:
        self.body, self.good, self.error = body, good, error

    def read(self, size: int = -1, /) -> bytes:
        if not self.good:
            if self.error is None:
                return b""
            raise self.error
        data = self.body.read(self.good if size < 0 else min(size, self.good))
        self.good -= len(data)
        return data

    def close(self) -> None:
        self.body.close()


class CuttingStorage(FlakyStorage):
    """Its bodies break off after ``cuts`` bytes, one after the other; later ones are whole."""

    def __init__(self, *cuts: int, error: Exception | None) -> None:
        super().__init__()
        self.cuts, self.error = list(cuts), error

    def get(self, key: str, start: int, end: int | None) -> tuple[ObjectInfo, Body]:
        info, body = super().get(key, start, end)
        if self.cuts:
            body = CutBody(body, self.cuts.pop(0), self.error)
        return info, body


class CutListing(FlakyStorage):
    """Its listings break off after every ``good`` items."""

    def __init__(self, good: int, capabilities: Capabilities | None = None) -> None:
        super().__init__(capabilities=capabilities)
        self.good, self.cuts = good, 5

    def list(
        self, prefix: str, start_after: str, delimiter: str
    ) -> Iterator[ObjectInfo | CommonPrefix]:
        self.calls.append(f"list after {start_after}")
        for count, item in enumerate(super().list(prefix, start_after, delimiter)):
            if count == self.good and self.cuts:
                self.cuts -= 1
                raise Unavailable("the line is cut")
            yield item


def storage_on(driver: MemoryStorage, **policy: Any) -> tuple[ObjectStorage, TestClock]:
    clock = TestClock()
    return ObjectStorage(driver, clock=clock, retry=RetryPolicy(**policy)), clock


class Pipe:
    """A source that cannot be rewound."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def read(self, size: int = -1, /) -> bytes:
        size = len(self.data) if size < 0 else size
        data, self.data = self.data[:size], self.data[size:]
        return data
