"""Leases that are kept alive, and the mutex and the election built on them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ostler.clock import SystemClock
from ostler.errors import Conflict, NotFound, Unavailable
from ostler.kv import Election, KeyValueStore, Mutex
from ostler.kv.line import Line
from ostler.retry import RetryPolicy
from ostler.spi import Put
from ostler_sqlite.driver import SqliteDriver
from ostler_sqlite.settings import SqliteSettings

PATIENCE = 10.0


class CutDriver(SqliteDriver):
    """Can be cut off from the store."""

    cut = False

    def keep_alive(self, lease_id: int) -> None:
        if self.cut:
            raise Unavailable("cut off")
        super().keep_alive(lease_id)


@pytest.fixture
def driver(tmp_path: Path) -> CutDriver:
    return CutDriver(SqliteSettings(path=str(tmp_path / "state.db")))


@pytest.fixture
def kv(driver: CutDriver) -> Iterator[KeyValueStore]:
    store = KeyValueStore(driver, clock=SystemClock(), retry=RetryPolicy(attempts=1))
    yield store
    store.close()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def length(kv: KeyValueStore, name: str) -> int:
    return len(kv.list(f"{name}/").items)


def test_lease_is_kept_alive_until_it_is_closed(kv: KeyValueStore) -> None:
    with kv.lease(1) as lease:
        kv.put("k", b"", lease=lease.id)
        with kv.watch("k") as watch:
            assert watch.next(1.4) == ()
        assert lease.alive
    assert kv.get("k") is None
    assert not lease.alive
    assert not lease.lost.is_set()
    lease.close()


def test_lease_that_was_revoked_is_lost(kv: KeyValueStore, driver: CutDriver) -> None:
    with kv.lease(1) as lease:
        told = threading.Event()
        lease.on_loss(told.set)
        driver.revoke(lease.id)
        assert lease.lost.wait(PATIENCE)
        assert told.wait(PATIENCE)
        assert not lease.alive
        assert isinstance(lease.reason, NotFound)
        late = threading.Event()
        lease.on_loss(late.set)
        assert late.is_set()


def test_lease_of_a_holder_that_is_cut_off_is_lost(kv: KeyValueStore, driver: CutDriver) -> None:
    with kv.lease(1) as lease:
        driver.cut = True
        began = time.monotonic()
        assert lease.lost.wait(PATIENCE)
        assert time.monotonic() - began < 2
        assert isinstance(lease.reason, Unavailable)


def test_lease_survives_a_short_cut(kv: KeyValueStore, driver: CutDriver) -> None:
    with kv.lease(1) as lease:
        driver.cut = True
        assert not lease.lost.wait(0.6)
        driver.cut = False
        assert not lease.lost.wait(0.8)
        assert lease.alive


def test_mutex_excludes(kv: KeyValueStore) -> None:
    inside = 0
    most = 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(5):
            with kv.mutex("lock", 10):
                inside += 1
                most = max(most, inside)
                kv.put("seen", b"")
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, inside, length(kv, "lock")) == (1, 0, 0)


def test_mutex_is_fair(kv: KeyValueStore) -> None:
    order: list[int] = []

    def work(number: int) -> None:
        with kv.mutex("lock", 10):
            order.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
    with kv.mutex("lock", 10):
        for number, thread in enumerate(threads):
            thread.start()
            wait_until(lambda number=number: length(kv, "lock") == number + 2)  # type: ignore[misc]
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2, 3, 4]


def test_mutex_gives_up_after_its_time(kv: KeyValueStore) -> None:
    with kv.mutex("lock", 10):
        other = kv.mutex("lock", 10)
        assert not other.acquire(timeout=0.05)
        assert not other.acquire(timeout=0)
        assert length(kv, "lock") == 1
    assert other.acquire(timeout=0)
    other.release()


def test_one_that_gives_up_in_line_lets_the_next_pass(kv: KeyValueStore) -> None:
    first, second, third = (kv.mutex("lock", 10) for _ in range(3))
    first.acquire()
    waiting = threading.Thread(target=second.acquire, kwargs={"timeout": 0.1})
    waiting.start()
    wait_until(lambda: length(kv, "lock") == 2)
    held: list[bool] = []
    behind = threading.Thread(target=lambda: held.append(third.acquire(PATIENCE)))
    behind.start()
    waiting.join()
    first.release()
    behind.join()
    assert held == [True]
    third.release()


def test_mutex_of_a_dead_holder_is_freed(kv: KeyValueStore, driver: CutDriver) -> None:
    dead = driver.grant(1)
    kv.put(f"lock/{dead.id:016x}", b"", lease=dead.id)
    mutex = kv.mutex("lock", 10)
    assert mutex.acquire(PATIENCE)
    mutex.release()


def test_mutex_guards_transactions(kv: KeyValueStore, driver: CutDriver) -> None:
    mutex = kv.mutex("lock", 1)
    mutex.acquire()
    assert kv.txn([mutex.guard], [Put("k", b"1")]).succeeded
    (place,) = kv.list("lock/").items
    driver.revoke(place.lease)
    assert not kv.txn([mutex.guard], [Put("k", b"2")]).succeeded
    assert mutex.lost.wait(PATIENCE)
    mutex.release()


@pytest.mark.parametrize(
    "use", [Mutex.release, lambda mutex: mutex.lost, lambda mutex: mutex.guard]
)
def test_mutex_that_is_not_held(kv: KeyValueStore, use: Callable[[Mutex], object]) -> None:
    with pytest.raises(Conflict, match="not held"):
        use(kv.mutex("lock", 10))


def test_mutex_is_held_once_by_one_object(kv: KeyValueStore) -> None:
    with kv.mutex("lock", 10) as mutex, pytest.raises(Conflict, match="already"):
        mutex.acquire()


def test_losing_the_lease_while_waiting_is_told(kv: KeyValueStore, driver: CutDriver) -> None:
    line = Line(kv, "lock")
    first, second = line.join(b"1", 10), line.join(b"2", 1)
    driver.revoke(second.lease.id)
    with pytest.raises(Unavailable) as caught:
        second.wait(PATIENCE)
    assert caught.value.code == "lease_lost"
    second.leave()
    first.leave()


def test_election_has_one_leader(kv: KeyValueStore) -> None:
    first, second = (kv.election("chair", value, 10) for value in (b"1", b"2"))
    assert second.leader() is None
    assert first.campaign(timeout=0)
    assert not second.campaign(timeout=0.05)
    leader = second.leader()
    assert leader is not None
    assert leader.value == b"1"
    first.resign()
    assert second.campaign(timeout=PATIENCE)
    second.resign()
    second.resign()
    assert first.leader() is None


def test_election_is_won_as_the_leader_resigns(kv: KeyValueStore) -> None:
    first, second = (kv.election("chair", value, 10) for value in (b"1", b"2"))
    assert first.campaign()
    timer = threading.Timer(0.05, first.resign)
    timer.start()
    assert second.campaign(PATIENCE)
    timer.join()
    second.resign()


def test_election_observed(kv: KeyValueStore) -> None:
    candidate = kv.election("chair", b"1", 10)
    with candidate.observe() as leadership:
        assert leadership.next(0)
        assert leadership.leader is None
        assert not leadership.next(0.01)
        candidate.campaign()
        assert leadership.next(PATIENCE)
        assert leadership.leader is not None
        candidate.proclaim(b"2")
        assert leadership.next(PATIENCE)
        assert leadership.leader.value == b"2"
        candidate.resign()
        assert leadership.next(PATIENCE)
        assert leadership.leader is None
    assert not leadership.next(PATIENCE)


def test_observer_goes_on_after_compaction(kv: KeyValueStore) -> None:
    candidate = kv.election("chair", b"1", 10)
    with candidate.observe() as leadership:
        assert leadership.next(0)
        candidate.campaign()
        kv.put("k", b"")
        kv.compact(kv.put("k", b""))
        assert leadership.next(PATIENCE)
        assert leadership.leader is not None
    candidate.resign()


def test_deposed_leader_is_told(kv: KeyValueStore, driver: CutDriver) -> None:
    candidate = kv.election("chair", b"1", 1)
    candidate.campaign()
    (place,) = kv.list("chair/").items
    driver.revoke(place.lease)
    with pytest.raises(Conflict, match="no more"):
        candidate.proclaim(b"2")
    assert not kv.txn([candidate.guard]).succeeded
    assert candidate.lost.wait(PATIENCE)
    candidate.resign()


@pytest.mark.parametrize(
    "use",
    [lambda one: one.lost, lambda one: one.guard, lambda one: one.proclaim(b"")],
)
def test_candidate_that_does_not_lead(kv: KeyValueStore, use: Callable[[Election], object]) -> None:
    with pytest.raises(Conflict, match="does not lead"):
        use(kv.election("chair", b"", 10))


def test_leader_cannot_campaign_again(kv: KeyValueStore) -> None:
    candidate = kv.election("chair", b"", 10)
    candidate.campaign()
    with pytest.raises(Conflict, match="already"):
        candidate.campaign()
    candidate.resign()
