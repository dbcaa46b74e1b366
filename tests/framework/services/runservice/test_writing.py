from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ostler.clock import SystemClock
from ostler.errors import Unknown
from ostler.kv import KeyValueStore, absent
from ostler.services.runservice.writing import write
from ostler.spi.kv import Put
from ostler_sqlite.driver import open_driver
from ostler_sqlite.settings import SqliteSettings


class Narrow:
    """A store that takes few operations at once, and remembers its transactions."""

    def __init__(self, kv: KeyValueStore, most: int) -> None:
        self._kv = kv
        self.capabilities = replace(kv.capabilities, max_operations=most)
        self.sizes: list[tuple[int, int]] = []
        self.fail_at = -1

    def txn(self, compares: Any, operations: Any) -> Any:
        assert len(compares) + len(operations) <= (self.capabilities.max_operations or 0)
        self.sizes.append((len(compares), len(operations)))
        if len(self.sizes) == self.fail_at:
            self._kv.put("header", b"somebody else")
            compares = [*compares, absent("header")]
        return self._kv.txn(compares, operations)


@pytest.fixture
def kv(tmp_path: Path) -> Iterator[KeyValueStore]:
    store = KeyValueStore(
        open_driver(SqliteSettings(path=str(tmp_path / "kv.db"))), clock=SystemClock()
    )
    yield store
    store.close()


def puts(prefix: str, count: int) -> list[Put]:
    return [Put(f"{prefix}/{number}", b"x") for number in range(count)]


@pytest.mark.parametrize("most", [4, 5, 7, 128, 1000])
@pytest.mark.parametrize("count", [0, 1, 3, 50, 130])
def test_every_part_has_all_guards_and_its_own_and_the_header_comes_last(
    kv: KeyValueStore, most: int, count: int
) -> None:
    narrow: Any = Narrow(kv, most)
    tasks, given = puts("task", count), puts("executortask", count)
    revision = write(narrow, [absent("header")], [*tasks, Put("header", b"h")], created=given)
    assert revision == kv.list("").revision
    header = kv.get("header")
    assert header is not None
    assert header.mod_revision == revision
    assert {item.key for item in kv.items("")} == {
        put.key for put in (*tasks, *given, Put("header", b""))
    }
    assert sum(size - 1 for size, _ in narrow.sizes) == count
    assert len(narrow.sizes) <= 1 + (3 * count + 1) // (most - 2)


def test_what_exists_already_is_not_created_in_any_part(kv: KeyValueStore) -> None:
    kv.put("executortask/40", b"of another")
    narrow: Any = Narrow(kv, 10)
    given = puts("executortask", 60)
    assert write(narrow, [], [Put("header", b"h")], created=given) is None
    assert kv.get("header") is None
    assert [item.key for item in kv.items("executortask/")] == ["executortask/40"]


def test_a_second_attempt_meets_nothing_of_one_that_was_overtaken(kv: KeyValueStore) -> None:
    narrow: Any = Narrow(kv, 10)
    narrow.fail_at = 3
    given = puts("executortask", 20)
    assert write(narrow, [], [Put("done", b"h")], created=given) is None
    assert list(kv.items("executortask/")) == []
    assert write(narrow, [], [Put("done", b"h")], created=given) is not None
    assert len(list(kv.items("executortask/"))) == 20


class Doubtful:
    """A store whose first answer is lost, after or before it did what was asked."""

    def __init__(self, kv: KeyValueStore, *, applies: bool) -> None:
        self._kv, self._applies, self._lost = kv, applies, False
        self.capabilities, self.clock, self.get = kv.capabilities, kv.clock, kv.get

    def txn(self, compares: Any, operations: Any) -> Any:
        if self._lost:
            return self._kv.txn(compares, operations)
        self._lost = True
        if self._applies:
            self._kv.txn(compares, operations)
        raise Unknown("the answer was lost")


@pytest.mark.parametrize("applies", [True, False])
def test_what_may_have_been_written_is_written_once(kv: KeyValueStore, applies: bool) -> None:
    store: Any = Doubtful(kv, applies=applies)
    given, header = Put("executortask/1", b"x"), Put("header", b"h")
    revision = write(store, [absent("header")], [header], created=[given])
    assert revision == 2
    assert [item.version for item in kv.list("").items] == [1, 1]


def test_what_somebody_else_wrote_meanwhile_is_not_taken_for_ones_own(kv: KeyValueStore) -> None:
    store: Any = Doubtful(kv, applies=False)
    kv.put("header", b"somebody else")
    assert write(store, [absent("header")], [Put("header", b"h")]) is None
