"""Checks of put and delete."""

from __future__ import annotations

import time
import tracemalloc

from ostler.errors import Conflict, NotFound
from ostler.spi.storage import StorageDriver

from .tools import (
    Checks,
    DribbledSource,
    FailingSource,
    SourceFailed,
    expect,
    fails,
    keys_of,
    put,
    read,
    told_by_get,
    version_of,
)

__all__ = ["WriteChecks"]

_MEMORY = 64 << 20
_LARGE = 20 << 20
_DAY = 86400


class WriteChecks(Checks):
    """What a put stores, what it leaves when it fails, and what a delete takes."""

    def test_put_and_get(self, driver: StorageDriver) -> None:
        """Objects of any size come back as they were, and put() and stat() describe them alike."""
        for size in (0, 1, 4096, 65537, (1 << 20) + 1):
            data = bytes(range(256)) * (size // 256 + 1)
            info = put(driver, f"size/{size}", data[:size])
            expect((info.key, info.size), (f"size/{size}", size), "what put() tells")
            stat = driver.stat(info.key)
            expect(version_of(stat), version_of(info), "what stat() tells after put()")
            expect(told_by_get(driver, info.key), stat, "what get() and stat() tell")
            expect(read(driver, info.key) == data[:size], True, f"{size} bytes read back alike")

    def test_modified(self, driver: StorageDriver) -> None:
        """The time of an object is the wall clock's, in seconds."""
        for info in (put(driver, "new"), driver.stat("new")):
            off = abs(info.modified - time.time())
            assert off < _DAY, f"modified is {off:.0f} s away from this machine's clock"

    def test_put_persistent(self, driver: StorageDriver) -> None:
        """A durable put stores the same as one that is not."""
        for key in ("p", "p1/q/r", "p1/q/s"):
            put(driver, key, b"old", persist=True)
            put(driver, key, b"kept", persist=True)
            expect(read(driver, key), b"kept", f"the bytes of {key!r}")
        if driver.capabilities.exclusive_put:
            put(driver, "p2/new", b"kept", persist=True, if_absent=True)
            expect(read(driver, "p2/new"), b"kept", "the bytes of a durable exclusive put")

    def test_persist_later(self, driver: StorageDriver) -> None:
        """What was put without ``persist`` is made durable by name; what is absent is `NotFound`."""
        for number in range(3):
            put(driver, f"later/{number}/log", b"x" * number, persist=False)
        driver.persist([f"later/{number}/log" for number in range(3)])
        driver.persist([])
        expect(read(driver, "later/2/log"), b"xx", "the bytes after persist()")
        if not driver.capabilities.always_durable:
            fails(lambda: driver.persist(["later/absent"]), NotFound, "persist() of what is absent")

    def test_overwrite(self, driver: StorageDriver) -> None:
        """A put replaces what was there, whatever the sizes."""
        for data in (b"first", b"", b"a longer third", b"4th"):
            put(driver, "over", data)
            expect(read(driver, "over"), data, "the bytes after an overwrite")
            expect(driver.stat("over").size, len(data), "the size after an overwrite")
        expect(keys_of(driver), ["over"], "the keys listed after overwrites")

    def test_etag_changes(self, driver: StorageDriver) -> None:
        """Every version has an etag of its own, also one of the same size a moment later."""
        versions = [put(driver, "version", b"%03d" % number).etag for number in range(200)]
        if None not in versions:
            expect(len(set(versions)), len(versions), "the number of different etags")

    def test_unknown_size(self, driver: StorageDriver) -> None:
        """A source of unknown size is stored whole, the empty one too."""
        for data in (b"", b"short", b"x" * 3_000_001):
            info = put(driver, "unknown", data, size=None)
            expect(info.size, len(data), "the size that put() tells")
            expect(read(driver, "unknown") == data, True, f"{len(data)} bytes read back alike")

    def test_short_reads(self, driver: StorageDriver) -> None:
        """A short read of the source is not its end."""
        data = bytes(range(256)) * 20
        for most in (1, 7, 4095):
            for size in (len(data), None):
                put(driver, "dribble", source=DribbledSource(data, most), size=size)
                expect(read(driver, "dribble") == data, True, f"bytes by {most} read back alike")

    def test_large_streams(self, driver: StorageDriver) -> None:
        """A large source of unknown size is stored in bounded memory, and read back in pieces."""
        source = _Zeros(_LARGE)
        tracemalloc.start()
        try:
            put(driver, "large", source=source, size=None)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert min(source.asked) >= 0, "the source was asked for all of its bytes at once"
        assert max(source.asked) <= _MEMORY, f"the source was asked for {max(source.asked)} bytes"
        assert peak < _MEMORY, f"{peak >> 20} MiB were in use to store {_LARGE >> 20} MiB"
        expect(_count(driver, "large"), _LARGE, "the bytes read back")

    def test_failing_source(self, driver: StorageDriver) -> None:
        """A source that raises stores nothing, replaces nothing, leaves nothing; its error comes out."""
        put(driver, "kept", b"before")
        for good in (0, 10, 200_000, 9 << 20):
            for size in (good + 10, None):
                for key in ("kept", "new", "deep/er/new"):
                    call = lambda: put(driver, key, source=FailingSource(good), size=size)  # noqa: B023, E731 - called at once
                    fails(call, SourceFailed, f"a put whose source fails after {good} bytes")
        expect(keys_of(driver), ["kept"], "the keys listed after failed puts")
        expect(read(driver, "kept"), b"before", "the bytes of what was there before")
        expect(list(self.leftovers(driver)), [], "what failed puts left behind")

    def test_if_absent(self, driver: StorageDriver) -> None:
        """An exclusive put stores what is new, and is a `Conflict` for what exists."""
        if not driver.capabilities.exclusive_put:
            return
        info = put(driver, "only/once", b"first", if_absent=True)
        for data in (b"second", b"x" * 500_000):
            again = lambda: put(driver, "only/once", data, if_absent=True)  # noqa: B023, E731 - called at once
            fails(again, Conflict, "a second exclusive put", "exists")
        expect(read(driver, "only/once"), b"first", "the bytes after a conflict")
        stat = driver.stat("only/once")
        expect(version_of(stat), version_of(info), "what stat() tells after a conflict")
        expect(list(self.leftovers(driver)), [], "what conflicts left behind")
        driver.delete("only/once")
        put(driver, "only/once", b"third", if_absent=True)
        expect(read(driver, "only/once"), b"third", "the bytes of an exclusive put after a delete")

    def test_delete(self, driver: StorageDriver) -> None:
        """A delete takes one object, and no error comes of one that is absent."""
        for key in ("a/b", "a/c", "a-b", "ab"):
            put(driver, key, key.encode())
        for _again in range(2):
            driver.delete("a/b")
            driver.delete("a")
            driver.delete("a/c/d")
            driver.delete("none/at/all")
        expect(keys_of(driver), ["a-b", "a/c", "ab"], "the keys listed after a delete")
        fails(lambda: driver.stat("a/b"), NotFound, "stat() after a delete")
        fails(lambda: driver.get("a/b", 0, None), NotFound, "get() after a delete")
        put(driver, "a/b", b"again")
        expect(read(driver, "a/b"), b"again", "the bytes of what was put after its deletion")

    def test_delete_many(self, driver: StorageDriver) -> None:
        """Deleting many takes all of them, any number, absent ones too, and nothing else."""
        keys = [f"many/{number % 7}/{number}" for number in range(50)]
        for key in [*keys, "stays"]:
            put(driver, key)
        driver.delete_many([])
        driver.delete_many(key for key in [*keys[:30], "absent", keys[0]])
        expect(keys_of(driver), sorted([*keys[30:], "stays"]), "the keys listed after deleting 30")
        driver.delete_many(keys)
        expect(keys_of(driver), ["stays"], "the keys listed after deleting all")

    def test_nothing_is_left(self, driver: StorageDriver) -> None:
        """After everything was deleted, nothing is listed, with a delimiter neither."""
        for number in range(20):
            put(driver, f"deep/{number % 3}/{number}/leaf", b"x", persist=number % 2 == 0)
        for number in range(20):
            driver.delete(f"deep/{number % 3}/{number}/leaf")
        expect(list(driver.list("", "", "/")), [], "the listing with a delimiter")
        expect(keys_of(driver), [], "the keys listed")
        expect(list(self.leftovers(driver)), [], "what is left")


class _Zeros:
    """Yields zeros without holding them."""

    def __init__(self, size: int) -> None:
        self._left = size
        self.asked: list[int] = []

    def read(self, size: int = -1, /) -> bytes:
        self.asked.append(size)
        count = self._left if size < 0 else min(size, self._left)
        self._left -= count
        return bytes(count)


def _count(driver: StorageDriver, key: str) -> int:
    _info, body = driver.get(key, 0, None)
    count = 0
    with body:
        while data := body.read(1 << 20):
            count += len(data)
            assert not any(data[:: 1 << 16]), "the bytes read back are not those stored"
    return count
