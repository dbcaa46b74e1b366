from __future__ import annotations

from ostler.errors import BadRequest
from ostler.spi import KvDriver, Page, Put

from .steps import delete, get, keys_at, new_room, put, raises

__all__ = ["ListingChecks"]

_ORDERED = [
    "a",
    "a\x01",
    "a-b",
    "a/b",
    "ab",
    "b",
    "\u00e9",
    "\ud7ff",
    "\ue000",
    "\uffff",
    "\U00010000",
]


class ListingChecks:
    """Listings, now and as of a revision."""

    def test_list_is_in_order_of_bytes(self, driver: KvDriver) -> None:
        room = new_room()
        driver.txn([], [Put(room + key, b"") for key in reversed(_ORDERED)], [])
        assert keys_at(driver, room) == _ORDERED

    def test_list_tells_what_get_tells(self, driver: KvDriver) -> None:
        room = new_room()
        put(driver, room + "a", b"1")
        put(driver, room + "a", b"2")
        put(driver, room + "b", b"")
        revision = put(driver, room + "c", b"3")
        items = tuple(get(driver, room + key) for key in "abc")
        assert driver.list(room, start_after="", limit=3, revision=0) == Page(
            revision, items, False
        )

    def test_list_of_any_prefix(self, driver: KvDriver) -> None:
        room = new_room()
        keys = ["a", "a/1", "a/2", "ab", "b%", "b_", "bx", "c\U0010ffff", "c\U0010ffffz", "d"]
        driver.txn([], [Put(room + key, b"") for key in keys], [])
        for prefix in ("", "a", "a/", "a/1", "b%", "b_", "c\U0010ffff", "nothing"):
            expected = [key[len(prefix) :] for key in keys if key.startswith(prefix)]
            assert keys_at(driver, room + prefix) == expected, f"prefix {prefix!r}"

    def test_list_limit_and_more(self, driver: KvDriver) -> None:
        room = new_room()
        driver.txn([], [Put(room + key, b"") for key in "abcd"], [])
        for limit, more in ((1, True), (3, True), (4, False), (5, False)):
            page = driver.list(room, start_after="", limit=limit, revision=0)
            assert len(page.items) == min(4, limit)
            assert page.more is more, f"limit {limit} of 4 keys: more is {page.more}"

    def test_list_starts_after_a_key(self, driver: KvDriver) -> None:
        room = new_room()
        driver.txn([], [Put(room + key, b"") for key in ("a", "b", "b/1", "bb", "c")], [])
        for after, expected in (
            (room + "b", ["b/1", "bb", "c"]),
            (room + "b/", ["b/1", "bb", "c"]),
            (room + "c", []),
            (room + "0", ["a", "b", "b/1", "bb", "c"]),
            ("a", ["a", "b", "b/1", "bb", "c"]),
            ("z", []),
        ):
            page = driver.list(room, start_after=after, limit=10, revision=0)
            assert [item.key[len(room) :] for item in page.items] == expected, f"after {after!r}"

    def test_list_at_a_revision(self, driver: KvDriver) -> None:
        room = new_room()
        put(driver, room + "kept", b"1")
        put(driver, room + "changed", b"1")
        revision = put(driver, room + "deleted", b"1")
        before = driver.list(room, start_after="", limit=10, revision=0)
        put(driver, room + "changed", b"2")
        put(driver, room + "changed", b"3")
        delete(driver, room + "deleted")
        put(driver, room + "deleted", b"4")
        put(driver, room + "added", b"1")
        then = driver.list(room, start_after="", limit=10, revision=revision)
        assert then.items == before.items, "a listing at a revision must tell the past"
        assert then.revision == revision

    def test_list_at_every_revision(self, driver: KvDriver) -> None:
        room = new_room()
        states = []
        for number in range(6):
            revision = put(driver, f"{room}{number % 3}", b"%d" % number)
            states.append((revision, driver.list(room, start_after="", limit=9, revision=0).items))
        states.append((delete(driver, room + "1"), states[-1][1][::2]))
        for revision, items in states:
            found = driver.list(room, start_after="", limit=9, revision=revision).items
            assert found == items, f"at revision {revision}"

    def test_pages_of_one_revision_fit(self, driver: KvDriver) -> None:
        room = new_room()
        driver.txn([], [Put(f"{room}{number:02}", b"") for number in range(10)], [])
        page = driver.list(room, start_after="", limit=3, revision=0)
        found = list(page.items)
        while page.more:
            delete(driver, f"{room}{len(found):02}")
            put(driver, f"{room}{len(found):02}new")
            after = page.items[-1].key
            page = driver.list(room, start_after=after, limit=3, revision=page.revision)
            found += page.items
        assert [item.key[len(room) :] for item in found] == [f"{number:02}" for number in range(10)]

    def test_list_in_the_future_is_refused(self, driver: KvDriver) -> None:
        revision = put(driver, new_room() + "k")
        raises(
            BadRequest,
            lambda: driver.list("", start_after="", limit=1, revision=revision + 1000),
            "listing at a revision to come",
        )
