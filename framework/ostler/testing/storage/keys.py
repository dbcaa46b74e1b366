"""Checks of keys: which there are, which exclude each other, what is not there."""

from __future__ import annotations

from ostler.errors import BadRequest, Conflict, NotFound
from ostler.spi.storage import StorageDriver

from .tools import Checks, expect, fails, keys_of, put, read

__all__ = ["KeyChecks"]

_STRANGE_ONES = (
    "A a a- a. a.. ... .hidden a..b ~ %41 %2F %00 %%% + a+b & a&b=c ? q?versionId=1 # a#b ; : @ "
    "! $ ' \" ` ( ) [ ] { } | \\ a\\b < > * a* ^ , é É e\u0301 ß ÿ 日本語 \ud7ff \ue000 \ufffd 😀 "
    "\U0010ffff =a =d _a -- con nul.txt .tmp tmp objects locks"
)
_STRANGE = _STRANGE_ONES.split(" ")
_LONG_PARTS = "/".join(letter * 127 for letter in "abcdefgh")


class KeyChecks(Checks):
    """Keys."""

    def test_keys_of_every_kind(self, driver: StorageDriver) -> None:
        """Every key is its own: nothing is folded, normalised, decoded or dropped."""
        keys = [*_STRANGE, *(f"in/{name}/{name}" for name in _STRANGE), "two words", "end ", " x"]
        for key in keys:
            put(driver, key, f"<{key}>".encode())
        for key in keys:
            expect(read(driver, key).decode(), f"<{key}>", f"the bytes of {key!r}")
            expect(driver.stat(key).key, key, "the key that stat() tells")
        expect(keys_of(driver), sorted(keys), "the keys listed")

    def test_key_of_full_length(self, driver: StorageDriver) -> None:
        """A key may have 1024 bytes, and its parts 255 at least."""
        wide = "é" * 127
        for key in [_LONG_PARTS + "x", "n" * 255, wide + "x", f"{wide}/{wide}/{wide}/{wide}"]:
            put(driver, key, key.encode())
        for key in keys_of(driver):
            expect(read(driver, key), key.encode(), f"the bytes of a key of {len(key)} letters")
        expect(len(keys_of(driver)), 4, "the number of keys listed")

    def test_part_of_full_length(self, driver: StorageDriver) -> None:
        """A single part of 1024 bytes is stored, or refused as a `BadRequest`."""
        keys = ["p" * 1024, "p" * 1023 + "q", "ü" * 512]
        stored = [key for key in keys if self._stored_or_refused(driver, key)]
        expect(keys_of(driver), sorted(stored), "the keys listed")
        for key in stored:
            expect(read(driver, key), key.encode(), "the bytes of a key of 1024 bytes")

    def test_missing(self, driver: StorageDriver) -> None:
        """What is not there is `NotFound` when it is asked for, also beside and below an object."""
        put(driver, "there/is/one", b"1")
        for key in [
            "none",
            "there",
            "there/is",
            "there/is/one/more",
            "there/is/on",
            "there/is/ones",
        ]:
            fails(lambda key=key: driver.stat(key), NotFound, f"stat({key!r})")  # type: ignore[misc]
            fails(lambda key=key: driver.get(key, 0, None), NotFound, f"get({key!r})")  # type: ignore[misc]

    def test_key_beside_prefix(self, driver: StorageDriver) -> None:
        """An object and a prefix of the same name: both where that is flat, else a `Conflict`."""
        put(driver, "a/b", b"below")
        put(driver, "c", b"object")
        if driver.capabilities.flat:
            self._both(driver)
            return
        conflict = "key_conflict"
        fails(lambda: put(driver, "a", b"x"), Conflict, "put('a') beside 'a/b'", conflict)
        fails(lambda: put(driver, "c/d", b"x"), Conflict, "put('c/d') beside 'c'", conflict)
        fails(lambda: put(driver, "c/d/e", b"x"), Conflict, "put('c/d/e') beside 'c'", conflict)
        fails(
            lambda: put(driver, "a", b"x", if_absent=True),
            Conflict,
            "an exclusive put('a') beside 'a/b'",
            conflict,
        )
        expect(keys_of(driver), ["a/b", "c"], "the keys listed after conflicts")
        expect(list(self.leftovers(driver)), [], "what conflicts left behind")
        driver.delete("a/b")
        put(driver, "a", b"now")
        expect(read(driver, "a"), b"now", "the bytes of 'a', when nothing is below it any more")

    def _both(self, driver: StorageDriver) -> None:
        put(driver, "a", b"beside")
        put(driver, "c/d", b"below")
        expect(keys_of(driver), ["a", "a/b", "c", "c/d"], "the keys listed")
        driver.delete("a")
        expect(read(driver, "a/b"), b"below", "the bytes of 'a/b' after 'a' was deleted")
        fails(lambda: driver.stat("a"), NotFound, "stat('a') after its deletion")

    def _stored_or_refused(self, driver: StorageDriver, key: str) -> bool:
        try:
            put(driver, key, key.encode())
        except BadRequest:
            return False
        return True
