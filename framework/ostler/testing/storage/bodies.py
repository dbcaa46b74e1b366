"""Checks of get."""

from __future__ import annotations

from ostler.spi.storage import StorageDriver

from .tools import Checks, expect, put, read, told_by_get, version_of

__all__ = ["BodyChecks"]

_DATA = b"0123456789"


class BodyChecks(Checks):
    """What is read of an object."""

    def test_ranges(self, driver: StorageDriver) -> None:
        """A range is what lies in it, cut to the object; the info is the whole object's."""
        whole = put(driver, "ranged", _DATA)
        for start in (0, 1, 5, 9, 10, 11, 1000):
            for end in (None, *(end for end in (0, 1, 5, 9, 10, 11, 1000) if end >= start)):
                expect(read(driver, "ranged", start, end), _DATA[start:end], f"{start}:{end}")
                info = told_by_get(driver, "ranged", start, end)
                expect(version_of(info), version_of(whole), "the info of a range")

    def test_ranges_of_nothing(self, driver: StorageDriver) -> None:
        """Every range of an empty object is empty."""
        put(driver, "empty", b"")
        for start, end in ((0, None), (0, 0), (0, 5), (3, None), (3, 5)):
            expect(read(driver, "empty", start, end), b"", f"{start}:{end} of nothing")

    def test_body(self, driver: StorageDriver) -> None:
        """A body is read in pieces of at most what was asked, and stays at its end."""
        data = _DATA * 50_000
        put(driver, "body", data)
        _info, body = driver.get("body", 3, 300_000)
        with body:
            expect(body.read(0), b"", "read(0)")
            pieces = []
            while piece := body.read(70_001):
                assert len(piece) <= 70_001, f"read(70001) returned {len(piece)} bytes"
                pieces.append(piece)
            expect(b"".join(pieces) == data[3:300_000], True, "the pieces make up the range")
            expect((body.read(1), body.read(), body.read(0)), (b"", b"", b""), "reads at the end")

    def test_body_read_all(self, driver: StorageDriver) -> None:
        """A negative size reads what is left."""
        put(driver, "all", _DATA * 50_000)
        _info, body = driver.get("all", 0, None)
        with body:
            first = body.read(4)
            expect(first + body.read() == _DATA * 50_000, True, "the first bytes and the rest")

    def test_body_closes(self, driver: StorageDriver) -> None:
        """A body can be closed at any point, and again."""
        put(driver, "closed", _DATA * 50_000)
        for take in (0, 10, -1):
            _info, body = driver.get("closed", 0, None)
            body.read(take)
            body.close()
            body.close()
        expect(read(driver, "closed", 0, 3), b"012", "the bytes read by the next body")

    def test_one_version(self, driver: StorageDriver) -> None:
        """A body goes on with the version that it began, when that is replaced or deleted."""
        old, new = b"o" * 3_000_000, b"n" * 2_000_000
        info = put(driver, "one", old)
        opened, body = driver.get("one", 0, None)
        with body:
            first = body.read(100)
            put(driver, "one", new)
            driver.delete("one")
            rest = body.read()
        expect(version_of(opened), version_of(info), "the info of the version that is read")
        expect(first + rest == old, True, "the bytes of one version, whole")
