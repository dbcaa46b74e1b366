"""What a datamanager does beside its callers."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from ostler.clock import SystemClock
from ostler.datamanager import Commit, Datamanager, Put
from ostler.datamanager.heads import Head, Heads
from ostler.datamanager.names import CHECKPOINTER, KV_PREFIX
from ostler.errors import Compacted, Forbidden, Unavailable
from ostler.kv import KeyValueStore, Mutex, Watching

from .database_support import PATIENCE, World, failing, wait_until

NEVER = 3600.0


class Place:
    """Databases of several processes on one storage, started, and closed in the end."""

    def __init__(self, kv: KeyValueStore) -> None:
        self.world = World(kv, clock=SystemClock())
        self.kv = kv.with_prefix(KV_PREFIX)
        self.databases: list[Datamanager] = []

    def start(self, **options: Any) -> Datamanager:
        database = self.world.opened(
            **{"poll": NEVER, "checkpoint_interval": NEVER, "grace": NEVER, **options}
        )
        database.start()
        self.databases.append(database)
        return database

    def manifest(self) -> int:
        return max(self.world.manifests.after(0))

    def published(self) -> Head | None:
        return Heads(self.kv).read()

    def close(self) -> None:
        for database in self.databases:
            database.close()


@pytest.fixture
def place(kv: KeyValueStore) -> Iterator[Place]:
    made = Place(kv)
    yield made
    made.close()


def commit(database: Datamanager, count: int = 1, data: bytes = b"") -> None:
    for _ in range(count):
        database.commit([Put("one", "a", data)])


def names() -> list[str]:
    return sorted(
        each.name for each in threading.enumerate() if each.name.startswith("datamanager-")
    )


# Checkpoints


def test_a_checkpoint_is_made_after_so_many_commits(place: Place) -> None:
    database = place.start(checkpoint_commits=3)
    for number in (3, 6):
        commit(database, 2)
        assert database.status().checkpoint == number - 3
        commit(database)
        wait_until(lambda number=number: database.status().checkpoint == number)  # type: ignore[misc]
    assert place.manifest() == 3


def test_a_checkpoint_is_made_after_so_many_bytes(place: Place) -> None:
    database = place.start(checkpoint_bytes=3000)
    commit(database, data=random.Random(1).randbytes(2000))
    assert database.status().checkpoint == 0
    commit(database, data=random.Random(2).randbytes(1500))
    wait_until(lambda: database.status().checkpoint == 2)
    assert database.status().log_bytes == 0


def test_a_checkpoint_is_made_after_some_time(place: Place) -> None:
    database = place.start(checkpoint_interval=0.02)
    commit(database)
    wait_until(lambda: database.status().checkpoint == 1)
    assert place.manifest() == 2


def test_where_nothing_was_committed_no_checkpoint_is_made(place: Place) -> None:
    place.start(checkpoint_interval=0.01)
    # Each time it collects garbage after it, which asks the storage for its time.
    wait_until(lambda: len(probes(place)) >= 3)
    assert place.manifest() == 1


def probes(place: Place) -> list[str]:
    return [
        key
        for operation, key in place.world.driver.calls
        if operation == "put" and key.startswith("probe/")
    ]


def test_what_others_committed_makes_a_checkpoint_due_too(place: Place) -> None:
    database, other = place.start(checkpoint_commits=3), place.start()
    commit(other, 2)
    database.sync()
    commit(database)
    wait_until(lambda: place.manifest() == 2)
    assert database.status().checkpoint == 3


def test_garbage_is_collected_after_a_checkpoint(place: Place) -> None:
    database = place.start(checkpoint_commits=1, grace=0.0, keep_manifests=1)
    for _ in range(3):
        commit(database)
    wait_until(lambda: 3 not in place.world.wals.after(0) and place.manifest() > 1)
    assert database.get("one", "a") == b""
    database.close()
    assert list(database_problems(place)) == []


def database_problems(place: Place) -> list[Any]:
    return list(place.world.opened().verify())


def test_a_checkpoint_that_fails_is_said_and_made_later(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    database = place.start(checkpoint_commits=1)
    place.world.driver.before = failing("put", "data/", Unavailable("cut off"))
    with caplog.at_level(logging.WARNING):
        commit(database)
        wait_until(lambda: place.manifest() == 2)
    assert caplog.messages == [
        "the datamanager could not make a checkpoint and will try again: cut off"
    ]


# One at a time


def attempts(database: Datamanager, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows with each attempt to be the one that makes checkpoints."""
    assert database._background is not None
    tried: list[str] = []
    store = database._background._kv
    real = store.mutex

    def mutex(name: str, ttl: float) -> Mutex:
        tried.append(name)
        return real(name, ttl)

    monkeypatch.setattr(store, "mutex", mutex)
    return tried


def test_while_another_process_makes_one_none_is_made(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = place.start(checkpoint_commits=1)
    tried = attempts(database, monkeypatch)
    with place.kv.mutex(CHECKPOINTER, 15):
        commit(database)
        wait_until(lambda: len(tried) >= 2)
        assert place.manifest() == 1
    wait_until(lambda: place.manifest() == 2)
    assert set(tried) == {CHECKPOINTER}


def test_nobody_holds_the_mutex_when_none_is_made(place: Place) -> None:
    database = place.start(checkpoint_commits=1)
    commit(database)
    wait_until(lambda: place.manifest() == 2 and len(probes(place)) >= 1)
    mutex = place.kv.mutex(CHECKPOINTER, 15)
    assert mutex.acquire(timeout=PATIENCE)
    mutex.release()


def test_the_mutex_is_free_after_a_checkpoint_failed(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    database = place.start(checkpoint_commits=1)
    place.world.driver.before = failing("put", f"manifest/{2:020}", Forbidden("no"))
    with caplog.at_level(logging.WARNING):
        commit(database)
        wait_until(lambda: place.manifest() == 2)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    mutex = place.kv.mutex(CHECKPOINTER, 15)
    assert mutex.acquire(timeout=PATIENCE)
    mutex.release()


def test_two_processes_make_checkpoints_and_lose_nothing(place: Place) -> None:
    databases = [place.start(checkpoint_commits=2) for _ in range(2)]
    for number in range(20):
        databases[number % 2].commit([Put("one", f"{number:02}", b"")])
    wait_until(lambda: databases[0].status().checkpoint >= 19)
    place.close()
    found = dict(place.world.opened().scan("one"))
    assert found == {f"{number:02}": b"" for number in range(20)}
    assert database_problems(place) == []


# Following other processes


def test_who_watches_hears_of_the_commits_of_others(place: Place) -> None:
    database, other = place.start(), place.start()
    with database.watch(0) as watch:
        commit(other)
        assert watch.next(PATIENCE) == (Commit(1, (Put("one", "a", b""),), ()),)
    commit(other, data=b"x")
    wait_until(lambda: database.get("one", "a", fresh=False) == b"x")


def test_who_does_not_watch_does_not_follow(place: Place) -> None:
    place.start()
    assert names() == ["datamanager-checkpoint", "datamanager-publish"]


def test_an_emptied_store_is_told_again(place: Place) -> None:
    database = place.start(poll=0.02)
    commit(database)
    database.watch(0)
    wait_until(lambda: place.published() == Head(database.cluster, 1, 1))
    place.kv.delete("", prefix=True)
    wait_until(lambda: place.published() == Head(database.cluster, 1, 1))


def test_a_store_that_forgot_its_history_is_watched_anew(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Also when that does not work the first time."""
    database, other = place.start(), place.start()
    assert database._background is not None
    store = database._background._kv
    real, made = store.watch, list[object]()

    class Lost:
        closed = False

        def next(self, timeout: float | None = None) -> tuple[()]:
            if self.closed:
                return ()
            raise Compacted("forgotten")

        def close(self) -> None:
            self.closed = True

    lost = Lost()

    def watch(prefix: str) -> Watching | Lost:
        made.append(prefix)
        if len(made) == 2:
            raise Unavailable("cut off")
        return lost if len(made) == 1 else real(prefix)

    monkeypatch.setattr(store, "watch", watch)
    with caplog.at_level(logging.WARNING):
        database.watch(0)
        wait_until(lambda: len(made) == 3)
    commit(other)
    wait_until(lambda: database.get("one", "a", fresh=False) == b"")
    assert lost.closed
    assert caplog.messages == [
        "the datamanager could not follow the other processes and will try again: cut off"
    ]


def test_a_store_that_could_not_be_watched_is_watched_the_next_time(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, other = place.start(), place.start()
    assert database._background is not None
    store = database._background._kv
    real, errors = store.watch, [Unavailable("cut off")]

    def watch(prefix: str) -> Watching:
        if errors:
            raise errors.pop()
        return real(prefix)

    monkeypatch.setattr(store, "watch", watch)
    with pytest.raises(Unavailable):
        database.watch(0)
    database.watch(0)
    commit(other)
    wait_until(lambda: database.get("one", "a", fresh=False) == b"")
    assert names().count("datamanager-follow") == 1


def test_what_fails_while_following_is_said_and_goes_on(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    database, other = place.start(), place.start()
    database.watch(0)
    with caplog.at_level(logging.WARNING):
        place.world.driver.before = failing("get", f"wal/{1:020}", Unavailable("cut off"))
        commit(other)
        wait_until(lambda: bool(caplog.messages))
    assert caplog.messages == [
        "the datamanager could not follow the other processes and will try again: cut off"
    ]
    commit(other)
    wait_until(lambda: database.snapshot(fresh=False).commit == 2)


# Threads


def test_starting_and_watching_again_starts_nothing_more(place: Place) -> None:
    database = place.start()
    database.start()
    for _ in range(3):
        database.watch(0)
    assert names() == ["datamanager-checkpoint", "datamanager-follow", "datamanager-publish"]


def test_closing_ends_all_threads(place: Place) -> None:
    database = place.start()
    database.watch(0)
    commit(database)
    database.close()
    assert names() == []
    assert place.published() == Head(place.world.opened().cluster, 1, 1)


def test_closing_wakes_those_who_watch(place: Place) -> None:
    database = place.start()
    watch = database.watch(0)
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(watch.next(PATIENCE)))
    thread.start()
    wait_until(lambda: bool(database._listeners._gates))
    watch.close()
    database.close()
    thread.join(PATIENCE)
    assert results == [()]


def test_it_can_be_started_again(place: Place) -> None:
    database = place.start(checkpoint_commits=1)
    database.close()
    database.open()
    database.start()
    commit(database)
    wait_until(lambda: place.manifest() == 2)
    assert names() == ["datamanager-checkpoint", "datamanager-publish"]


def test_closing_in_the_middle_of_a_checkpoint_waits_for_it(place: Place) -> None:
    database = place.start(checkpoint_commits=1)
    held, go_on = threading.Event(), threading.Event()

    def hold(operation: str, key: str) -> None:
        if (operation, key) == ("put", f"manifest/{2:020}"):
            held.set()
            assert go_on.wait(PATIENCE)

    place.world.driver.before = hold
    commit(database)
    assert held.wait(PATIENCE)
    closing = threading.Thread(target=database.close)
    closing.start()
    wait_until(lambda: not database._opened or database._background is None)
    assert "datamanager-checkpoint" in names()
    go_on.set()
    closing.join(PATIENCE)
    assert (names(), place.manifest()) == ([], 2)
