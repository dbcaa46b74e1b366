"""Checks of list."""

from __future__ import annotations

import random
from collections.abc import Iterable

from ostler.spi.storage import CommonPrefix, ObjectInfo, StorageDriver

from .tools import Checks, expect, keys_of, names_of, put

__all__ = ["ListingChecks", "listed"]

_TRICKY_ONES = (
    "a-b a/b ab a.b a0b a/b-c a/b.d a-/x a0/x B/x Z zz ~ éé z/é é/z \ue000 \U00010000/x "
    "\U00010000x dir/x dir-x dir.x/y dir/sub/x dir/sub-x dir0 diq/x dis"
)
_TRICKY = _TRICKY_ONES.split(" ")
_SEED = 20
_MATRIX = 150


def listed(
    keys: Iterable[str], prefix: str, start_after: str, delimiter: str
) -> list[tuple[str, bool]]:
    """Return what a listing must tell, by the letter of the contract: (name, is a common prefix)."""
    found: dict[str, bool] = {}
    for key in sorted(keys, key=str.encode):
        if not key.startswith(prefix) or key.encode() <= start_after.encode():
            continue
        at = key.find(delimiter, len(prefix)) if delimiter else -1
        if at < 0:
            found[key] = False
        elif key[: at + 1] != start_after:
            found[key[: at + 1]] = True
    return list(found.items())


class ListingChecks(Checks):
    """What a listing tells, and in which order."""

    def test_list_order(self, driver: StorageDriver) -> None:
        """Keys come in the order of their UTF-8 bytes."""
        for key in random.Random(_SEED).sample(_TRICKY, len(_TRICKY)):
            put(driver, key, key.encode())
        items = list(driver.list("", "", ""))
        if driver.capabilities.ordered_list:
            expect(names_of(items), sorted(_TRICKY, key=str.encode), "the order of keys")
        expect(len(set(names_of(items))), len(_TRICKY), "the number of different keys")
        for item in items:
            assert isinstance(item, ObjectInfo), f"{item} in a listing without a delimiter"
            expect(item, driver.stat(item.key), "what a listing and stat() tell")

    def test_list_nothing(self, driver: StorageDriver) -> None:
        """Where there is nothing, a listing ends at once."""
        for prefix in ("", "a", "a/", "a/b"):
            expect(list(driver.list(prefix, "", "")), [], f"the listing of {prefix!r}")
            expect(list(driver.list(prefix, "x", "/")), [], f"the listing of {prefix!r}")

    def test_list_prefix(self, driver: StorageDriver) -> None:
        """A prefix may end anywhere, also inside a name."""
        self._check(driver, _TRICKY, [(prefix, "", "") for prefix in _beginnings(_TRICKY)])

    def test_list_start_after(self, driver: StorageDriver) -> None:
        """A listing begins behind any text, be it a key, a part of one, or neither."""
        places = [*_beginnings(_TRICKY), *(key + "-" for key in _TRICKY), "0", "\U0010ffff"]
        self._check(driver, _TRICKY, [("", place, "") for place in places])
        self._check(driver, _TRICKY, [("a", place, "") for place in places])

    def test_list_delimiter(self, driver: StorageDriver) -> None:
        """What lies behind a delimiter is told once, in its place."""
        prefixes = _beginnings(_TRICKY)
        self._check(driver, _TRICKY, [(prefix, "", "/") for prefix in prefixes])
        self._check(driver, _TRICKY, [(prefix, "", "-") for prefix in prefixes])

    def test_list_matrix(self, driver: StorageDriver) -> None:
        """Any prefix with any start and any delimiter, on random keys (the seed is fixed)."""
        dice = random.Random(_SEED)
        keys = _random_keys(dice, flat=driver.capabilities.flat)
        texts = [*_beginnings(keys), *(key + "/" for key in keys), *(key + "-" for key in keys)]
        queries = [
            (dice.choice(["", *texts]), dice.choice(["", *texts]), dice.choice(["", "/", "/", "-"]))
            for _query in range(_MATRIX)
        ]
        self._check(driver, keys, queries)

    def test_list_pages(self, driver: StorageDriver) -> None:
        """A long listing taken up again behind any of its items goes on without a gap."""
        keys = [f"page/{number % 5}/{number:05}" for number in range(1200)]
        for key in keys:
            put(driver, key)
        expect(names_of(driver.list("page/", "", "")), sorted(keys), "the whole listing")
        if not driver.capabilities.ordered_list:
            return
        for last in sorted(keys)[::113]:
            rest = [key for key in sorted(keys) if key > last]
            expect(names_of(driver.list("page/", last, "")), rest, f"the listing after {last!r}")

    def test_list_is_current(self, driver: StorageDriver) -> None:
        """A listing sees what was written and deleted before its first item was asked for."""
        if not driver.capabilities.consistent_list:
            return
        for number in range(30):
            put(driver, f"now/{number:02}")
            expect(len(keys_of(driver, "now/")), number + 1, "the number of keys after a put")
        begun = driver.list("now/", "", "")
        put(driver, "now/-")
        expect(names_of([next(begun)]), ["now/-"], "the first of a listing not yet begun")
        driver.delete("now/-")
        expect("now/-" in keys_of(driver), False, "the listing after a delete tells the key")

    def test_list_is_left(self, driver: StorageDriver) -> None:
        """A listing that is not read to its end is no harm to another."""
        for number in range(40):
            put(driver, f"left/{number % 4}/{number:02}")
        for _round in range(20):
            next(driver.list("left/", "", ""))
        expect(len(keys_of(driver, "left/")), 40, "the number of keys listed")

    def _check(
        self, driver: StorageDriver, keys: list[str], queries: list[tuple[str, str, str]]
    ) -> None:
        for key in keys:
            put(driver, key)
        for query in queries:
            found = [
                (item.prefix, True) if isinstance(item, CommonPrefix) else (item.key, False)
                for item in driver.list(*query)
            ]
            expected = listed(keys, *query)
            if not driver.capabilities.ordered_list:
                found, expected = sorted(found), sorted(expected)
            prefix, start_after, delimiter = query
            what = f"list({prefix!r}, start_after={start_after!r}, delimiter={delimiter!r})"
            expect(found, expected, what)


def _beginnings(keys: Iterable[str]) -> list[str]:
    """Return all texts that some key begins with."""
    return sorted({key[:end] for key in keys for end in range(1, len(key) + 1)})


def _random_keys(dice: random.Random, *, flat: bool) -> list[str]:
    keys: set[str] = set()
    while len(keys) < 60:
        parts = [
            "".join(dice.choices("ab-.0é", k=dice.randint(1, 3))) for _ in range(dice.randint(1, 4))
        ]
        key = "/".join(parts)
        if not any(part in (".", "..") for part in parts) and (flat or _fits(key, keys)):
            keys.add(key)
    return sorted(keys)


def _fits(key: str, keys: set[str]) -> bool:
    """Whether ``key`` is neither below nor above one of ``keys``."""
    return not any(
        key == other or key.startswith(other + "/") or other.startswith(key + "/") for other in keys
    )
