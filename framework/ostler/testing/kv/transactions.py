from __future__ import annotations

from ostler.errors import NotFound
from ostler.spi import Compare, Delete, Get, KeyValue, KvDriver, Operation, Put, Target

from .steps import get, keys_at, new_room, put, raises, together

__all__ = ["TransactionChecks"]


def _absent(key: str) -> Compare:
    return Compare(key, Target.CREATE_REVISION, 0)


def _increment(driver: KvDriver, key: str) -> None:
    while True:
        item = get(driver, key)
        now = Compare(key, Target.MOD_REVISION, item.mod_revision)
        if driver.txn([now], [Put(key, b"%d" % (int(item.value) + 1))], []).succeeded:
            return


class TransactionChecks:
    """Transactions."""

    def test_compares_of_an_existing_key(self, driver: KvDriver) -> None:
        key = new_room() + "k"
        created = put(driver, key, b"one")
        modified = put(driver, key, b"two")
        for target, right, wrong in (
            (Target.CREATE_REVISION, created, modified),
            (Target.MOD_REVISION, modified, created),
            (Target.VERSION, 2, 1),
            (Target.VALUE, b"two", b"one"),
        ):
            for expected, holds in ((right, True), (wrong, False)):
                found = driver.txn([Compare(key, target, expected)], [], []).succeeded
                assert found is holds, f"{target.value} == {expected!r}"

    def test_compares_of_an_absent_key(self, driver: KvDriver) -> None:
        key = new_room() + "k"
        for target in (Target.CREATE_REVISION, Target.MOD_REVISION, Target.VERSION):
            assert driver.txn([Compare(key, target, 0)], [], []).succeeded, target.value
            assert not driver.txn([Compare(key, target, 1)], [], []).succeeded, target.value
        assert not driver.txn([Compare(key, Target.VALUE, b"")], [], []).succeeded, (
            "no value equals that of an absent key"
        )

    def test_branches(self, driver: KvDriver) -> None:
        key = new_room() + "k"
        branches = ([_absent(key)], [Put(key, b"then")], [Put(key, b"otherwise")])
        assert driver.txn(*branches).succeeded
        assert get(driver, key).value == b"then"
        assert not driver.txn(*branches).succeeded
        assert get(driver, key).value == b"otherwise"

    def test_all_compares_must_hold(self, driver: KvDriver) -> None:
        room = new_room()
        put(driver, room + "there")
        compares = [_absent(room + "a"), _absent(room + "there"), _absent(room + "b")]
        assert not driver.txn(compares, [Put(room + "a", b"")], []).succeeded
        assert driver.get(room + "a") is None, "a failed comparison must keep `then` from running"

    def test_a_transaction_is_one_revision(self, driver: KvDriver) -> None:
        room = new_room()
        before = put(driver, room + "old")
        operations: list[Operation] = [
            Put(room + "a", b""),
            Delete(room + "old"),
            Put(room + "b", b""),
        ]
        result = driver.txn([], operations, [])
        assert result.revision == before + 1, "a transaction raises the revision by exactly one"
        assert {get(driver, room + key).mod_revision for key in "ab"} == {result.revision}

    def test_writing_nothing_keeps_the_revision(self, driver: KvDriver) -> None:
        room = new_room()
        revision = put(driver, room + "k")
        failing = Compare(room + "k", Target.VERSION, 9)
        for compares, then in (
            ([], []),
            ([], [Get(room + "k")]),
            ([], [Delete(room + "absent")]),
            ([], [Delete(room + "absent", prefix=True)]),
            ([failing], [Put(room + "k", b"")]),
        ):
            result = driver.txn(compares, then, [])
            assert result.revision == revision, f"{then} wrote nothing"

    def test_reads_see_what_stands_before_them(self, driver: KvDriver) -> None:
        key = new_room() + "k"
        before = put(driver, key, b"0")
        operations: list[Operation] = [Get(key), Put(key, b"1"), Get(key), Get(key + "absent")]
        result = driver.txn([], operations, [])
        assert result.reads == (
            KeyValue(key, b"0", before, before, 1, 0),
            KeyValue(key, b"1", before, result.revision, 2, 0),
            None,
        )
        deleted = driver.txn([], [Get(key), Delete(key), Get(key)], [])
        assert [read is None for read in deleted.reads] == [False, True]

    def test_delete_of_a_prefix(self, driver: KvDriver) -> None:
        room = new_room()
        keys = ["a", "a/", "a/1", "a/2", "a/\U0010ffff", "a0", "a%", "b"]
        driver.txn([], [Put(room + key, b"") for key in keys], [])
        driver.txn([], [Delete(room + "a/", prefix=True)], [])
        assert keys_at(driver, room) == sorted(key for key in keys if not key.startswith("a/"))

    def test_unknown_lease_applies_nothing(self, driver: KvDriver) -> None:
        room = new_room()
        put(driver, room + "old")
        operations: list[Operation] = [
            Put(room + "new", b""),
            Delete(room + "old"),
            Put(room + "k", b"", 1 << 40),
        ]
        raises(NotFound, lambda: driver.txn([], operations, []), "a lease that does not exist")
        assert keys_at(driver, room) == ["old"], "a transaction that failed must leave nothing"

    def test_large_transaction(self, driver: KvDriver) -> None:
        room = new_room()
        count = min(2000, (driver.capabilities.max_operations or 2000) - 1)
        result = driver.txn([], [Put(f"{room}{n:05}", b"%d" % n) for n in range(count)], [])
        items = driver.list(room, start_after="", limit=count + 1, revision=0).items
        assert [item.value for item in items] == [b"%d" % n for n in range(count)]
        assert {item.mod_revision for item in items} == {result.revision}

    def test_racing_increments_lose_none(self, driver: KvDriver) -> None:
        key = new_room() + "k"
        put(driver, key, b"0")

        def work() -> None:
            for _ in range(10):
                _increment(driver, key)

        together([work] * 6)
        assert int(get(driver, key).value) == 60, "increments by compare-and-swap were lost"

    def test_one_of_racing_creators_wins(self, driver: KvDriver) -> None:
        key = new_room() + "k"
        winners: list[int] = []

        def create(number: int) -> None:
            if driver.txn([_absent(key)], [Put(key, b"%d" % number)], []).succeeded:
                winners.append(number)

        together([lambda number=number: create(number) for number in range(8)])  # type: ignore[misc]
        assert len(winners) == 1, f"{len(winners)} of 8 created the same key"
        assert get(driver, key).value == b"%d" % winners[0]

    def test_racing_writes_have_revisions_of_their_own(self, driver: KvDriver) -> None:
        room = new_room()
        revisions: list[int] = []

        def work(number: int) -> None:
            revisions.extend(put(driver, f"{room}{number}") for _ in range(10))

        together([lambda number=number: work(number) for number in range(6)])  # type: ignore[misc]
        assert len(set(revisions)) == 60, "two transactions were given the same revision"
