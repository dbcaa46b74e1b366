from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from ostler.clock import SystemClock
from ostler.errors import BadRequest, Compacted, Conflict, NotFound, Unavailable, Unknown
from ostler.kv import KeyValueStore, absent, unchanged
from ostler.retry import RetryPolicy
from ostler.spi import Compare, Delete, Event, Get, KeyValue, Operation, Put, TxnResult, Watch
from ostler_sqlite.driver import SqliteDriver
from ostler_sqlite.settings import SqliteSettings


class QuickClock(SystemClock):
    """Does not sleep, and remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)


class FlakyDriver(SqliteDriver):
    """Raises the errors that it was given, one per call, before or after the work is done."""

    def __init__(self, settings: SqliteSettings) -> None:
        super().__init__(settings)
        self.before: list[Unavailable] = []
        self.after: list[Unavailable] = []

    def get(self, key: str) -> KeyValue | None:
        self.fail(self.before)
        return super().get(key)

    def txn(
        self,
        compares: Sequence[Compare],
        then: Sequence[Operation],
        otherwise: Sequence[Operation],
    ) -> TxnResult:
        self.fail(self.before)
        result = super().txn(compares, then, otherwise)
        self.fail(self.after)
        return result

    def watch(self, prefix: str, revision: int) -> Watch:
        return FlakyWatch(super().watch(prefix, revision), self)

    def fail(self, errors: list[Unavailable]) -> None:
        if errors:
            raise errors.pop(0)


class FlakyWatch(Watch):
    def __init__(self, watch: Watch, driver: FlakyDriver) -> None:
        self._watch, self._driver = watch, driver

    def next(self, timeout: float | None = None) -> tuple[Event, ...]:
        self._driver.fail(self._driver.before)
        return self._watch.next(timeout)

    def close(self) -> None:
        self._watch.close()


@pytest.fixture
def clock() -> QuickClock:
    return QuickClock()


@pytest.fixture
def driver(tmp_path: Path) -> FlakyDriver:
    return FlakyDriver(SqliteSettings(path=str(tmp_path / "state.db")))


@pytest.fixture
def kv(driver: FlakyDriver, clock: QuickClock) -> Iterator[KeyValueStore]:
    store = KeyValueStore(driver, clock=clock, retry=RetryPolicy(attempts=4))
    yield store
    store.close()


def test_put_get_delete(kv: KeyValueStore) -> None:
    assert kv.get("k") is None
    assert kv.put("k", b"1") == 2
    assert kv.get("k") == KeyValue("k", b"1", 2, 2, 1)
    assert kv.delete("k") == 3
    assert kv.delete("k") == 3
    assert kv.get("k") is None


def test_delete_of_a_prefix(kv: KeyValueStore) -> None:
    for key in ("a/1", "a/2", "b"):
        kv.put(key, b"")
    kv.delete("a/", prefix=True)
    assert [item.key for item in kv.items()] == ["b"]


def test_items_cross_pages_at_one_revision(kv: KeyValueStore) -> None:
    kv.txn(then=[Put(f"{number:02}", b"") for number in range(10)])
    items = kv.items(limit=3)
    seen = [next(items).key]
    kv.put("05a", b"")
    kv.delete("09")
    seen += [item.key for item in items]
    assert seen == [f"{number:02}" for number in range(10)]


def test_items_tell_when_history_is_gone(kv: KeyValueStore) -> None:
    kv.txn(then=[Put(f"{number}", b"") for number in range(5)])
    items = kv.items(limit=2)
    next(items)
    kv.compact(kv.put("0", b""))
    with pytest.raises(Compacted):
        list(items)


def test_compares_by_name(kv: KeyValueStore) -> None:
    assert kv.txn([absent("k")], [Put("k", b"1")]).succeeded
    assert not kv.txn([absent("k")], [Put("k", b"2")]).succeeded
    item = kv.get("k")
    assert item is not None
    assert kv.txn([unchanged(item)], [Put("k", b"2")]).succeeded
    assert not kv.txn([unchanged(item)], [Put("k", b"3")]).succeeded


def test_wrong_requests_never_reach_the_driver(kv: KeyValueStore, driver: FlakyDriver) -> None:
    driver.before = [Unavailable("the driver was asked")]
    calls: list[Callable[[], object]] = [
        lambda: kv.get(""),
        lambda: kv.put("a\0", b""),
        lambda: kv.put("k", b"x" * (64 << 20) + b"x"),
        lambda: kv.txn(then=[Put("k", b""), Put("k", b"")]),
        lambda: kv.list("\ud800"),
        lambda: kv.list(limit=0),
        lambda: kv.list(revision=-1),
        lambda: kv.watch("\0"),
        lambda: kv.lease(0.5),
        lambda: kv.lease(float("nan")),
        lambda: kv.mutex("", 5),
    ]
    for call in calls:
        with pytest.raises(BadRequest):
            call()
    assert len(driver.before) == 1


def test_unavailable_is_tried_again(
    kv: KeyValueStore, driver: FlakyDriver, clock: QuickClock
) -> None:
    driver.before = [Unavailable("busy") for _ in range(3)]
    assert kv.put("k", b"1") == 2
    assert len(clock.pauses) == 3


def test_retries_come_to_an_end(kv: KeyValueStore, driver: FlakyDriver) -> None:
    driver.before = [Unavailable(f"busy {number}") for number in range(9)]
    with pytest.raises(Unavailable, match="busy 3"):
        kv.get("k")
    assert len(driver.before) == 5


def test_what_may_have_been_done_is_not_done_again(kv: KeyValueStore, driver: FlakyDriver) -> None:
    driver.after = [Unknown("the line broke")]
    with pytest.raises(Unknown):
        kv.put("k", b"1")
    item = kv.get("k")
    assert item is not None
    assert item.version == 1


def test_reading_is_repeated_whatever_happened(kv: KeyValueStore, driver: FlakyDriver) -> None:
    kv.put("k", b"1")
    driver.before = [Unknown("the line broke"), Unavailable("busy")]
    item = kv.get("k")
    assert item is not None
    assert item.value == b"1"


def test_other_errors_come_at_once(kv: KeyValueStore, clock: QuickClock) -> None:
    with pytest.raises(NotFound):
        kv.put("k", b"", lease=77)
    assert clock.pauses == []


def test_watch_goes_on_after_an_outage(kv: KeyValueStore, driver: FlakyDriver) -> None:
    with kv.watch("k") as watch:
        revision = kv.put("k", b"1")
        driver.before = [Unavailable("busy"), Unavailable("busy")]
        assert [event.revision for event in watch.next(5)] == [revision]


def test_watch_tells_of_a_long_outage(kv: KeyValueStore, driver: FlakyDriver) -> None:
    with kv.watch("k") as watch:
        driver.before = [Unavailable("busy") for _ in range(4)]
        with pytest.raises(Unavailable):
            watch.next(5)


def test_watch_is_an_iterator_until_it_is_closed(kv: KeyValueStore) -> None:
    watch = kv.watch("k", revision=2)
    for _ in range(3):
        kv.put("k", b"")
    told = []
    for events in watch:
        told += [event.revision for event in events]
        if told[-1] == 4:
            watch.close()
    assert told == [2, 3, 4]


def test_part_of_a_store_looks_whole(kv: KeyValueStore) -> None:
    part = kv.with_prefix("part/")
    assert part.prefix == "part/"
    kv.put("k", b"outside")
    with part.watch("k") as watch:
        revision = part.put("k", b"inside")
        (event,) = watch.next(5)
    inside = KeyValue("k", b"inside", revision, revision, 1)
    assert event == Event(revision, "k", inside)
    assert part.get("k") == inside
    assert list(part.items()) == [inside]
    assert part.list(start_after="a").items == (inside,)
    result = part.txn([unchanged(inside)], [Get("k"), Delete("", prefix=True)])
    assert (result.succeeded, result.reads) == (True, (inside,))
    assert [item.key for item in kv.items()] == ["k"]


def test_part_within_a_part(kv: KeyValueStore) -> None:
    inner = kv.with_prefix("a/").with_prefix("b/")
    inner.put("k", b"")
    assert [item.key for item in kv.items()] == ["a/b/k"]
    with pytest.raises(BadRequest):
        inner.put("x" * 510, b"")
    with pytest.raises(BadRequest):
        inner.get("x" * 510)


def test_closed_store_says_so(kv: KeyValueStore) -> None:
    kv.close()
    kv.close()
    with pytest.raises(Conflict, match="closed"):
        kv.get("k")


def test_capabilities_are_the_drivers(kv: KeyValueStore, driver: FlakyDriver) -> None:
    assert kv.capabilities == driver.capabilities
