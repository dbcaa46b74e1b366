from __future__ import annotations

import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest

from ostler.errors import BadRequest, Conflict, Forbidden, Internal, NotFound, Unavailable
from ostler.spi import Get, KeyValue, Put
from ostler_sqlite.driver import SqliteDriver

OpenStore = Callable[..., SqliteDriver]


def put(driver: SqliteDriver, key: str, value: bytes = b"v") -> int:
    return driver.txn([], [Put(key, value)], []).revision


def test_opens_where_nothing_is(tmp_path: Path, open_store: OpenStore) -> None:
    path = tmp_path / "new" / "folder" / "state.db"
    put(open_store(path=str(path)), "k")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_keeps_what_was_written(open_store: OpenStore) -> None:
    first = open_store()
    revision = put(first, "k", b"1")
    first.close()
    second = open_store()
    assert second.get("k") == KeyValue("k", b"1", revision, revision, 1)
    assert put(second, "k") == revision + 1


def test_opens_quickly(open_store: OpenStore) -> None:
    put(open_store(), "k")
    took = []
    for _ in range(5):
        began = time.perf_counter()
        open_store()
        took.append(time.perf_counter() - began)
    assert min(took) < 0.01


def test_opens_many_times_in_one_process(open_store: OpenStore) -> None:
    drivers = [open_store() for _ in range(8)]
    revisions = [put(driver, "k") for driver in drivers]
    assert revisions == list(range(2, 10))
    for driver in drivers[1:]:
        driver.close()
    item = drivers[0].get("k")
    assert item is not None
    assert item.version == 8


def test_opened_for_the_first_time_by_many_at_once(open_store: OpenStore) -> None:
    revisions: list[int] = []
    threads = [
        threading.Thread(target=lambda: revisions.append(put(open_store(), "k"))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(revisions) == list(range(2, 8))


def test_no_thread_runs_until_something_is_watched(driver: SqliteDriver) -> None:
    before = threading.active_count()
    put(driver, "k")
    driver.list("", start_after="", limit=1, revision=0)
    assert threading.active_count() == before
    driver.watch("k", 0).close()
    assert threading.active_count() == before + 1
    driver.close()
    assert threading.active_count() == before


def test_after_close_every_call_says_so(driver: SqliteDriver) -> None:
    put(driver, "k")
    driver.close()
    driver.close()
    calls: list[Callable[[], object]] = [
        lambda: driver.get("k"),
        lambda: driver.list("", start_after="", limit=1, revision=0),
        lambda: put(driver, "k"),
        lambda: driver.watch("", 0),
        lambda: driver.grant(10),
    ]
    for call in calls:
        with pytest.raises(Conflict) as caught:
            call()
        assert caught.value.code == "closed"


def test_long_paths_are_no_obstacle(tmp_path: Path, open_store: OpenStore) -> None:
    path = str(tmp_path / ("x" * 120) / "state.db")
    driver, other = open_store(path=path), open_store(path=path)
    with driver.watch("k", 0) as watch:
        revision = put(other, "k")
        assert [event.revision for event in watch.next(5)] == [revision]


def test_one_that_fails_does_not_spoil_the_others(driver: SqliteDriver, path: str) -> None:
    """The first one waits for the write lock; the others meanwhile gather in one commit."""
    outcomes: dict[str, object] = {}

    def write(key: str, value: bytes, lease: int) -> None:
        operations = [Put(f"{key}/1", b""), Get(key), Put(key, value, lease)]
        try:
            outcomes[key] = driver.txn([], operations, []).succeeded
        except (NotFound, UnicodeEncodeError) as error:
            outcomes[key] = type(error)

    unfit = cast("bytes", "\ud800")
    cases = [("a", b"", 0), ("b", b"", 0), ("c", unfit, 0), ("d", b"", 99), ("e", b"", 0)]
    threads = [threading.Thread(target=write, args=case) for case in cases]
    with closing(sqlite3.connect(path, isolation_level=None)) as blocker:
        blocker.execute("BEGIN IMMEDIATE")
        for waiting, thread in enumerate(threads):
            thread.start()
            await_waiting(driver, waiting)
        blocker.execute("COMMIT")
    for thread in threads:
        thread.join()
    assert outcomes == {"a": True, "b": True, "c": UnicodeEncodeError, "d": NotFound, "e": True}
    page = driver.list("", start_after="", limit=9, revision=0)
    assert [item.key for item in page.items] == ["a", "a/1", "b", "b/1", "e", "e/1"]
    assert page.revision == 4


def await_waiting(driver: SqliteDriver, count: int) -> None:
    """Wait until that many threads wait for the one that leads."""
    deadline = time.monotonic() + 10
    while not (driver._commits._led and len(driver._commits._waiting) == count):
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_many_threads_share_commits(driver: SqliteDriver) -> None:
    def work(number: int) -> None:
        for turn in range(20):
            put(driver, f"{number}/{turn}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    page = driver.list("", start_after="", limit=1000, revision=0)
    assert sorted(item.mod_revision for item in page.items) == list(range(2, 322))


def test_twenty_thousand_puts_at_once(driver: SqliteDriver) -> None:
    puts = [Put(f"run/{number:06}", b"x" * 100) for number in range(20_000)]
    result = driver.txn([], [*puts, Get("run/019999")], [])
    assert result.revision == 2
    assert result.reads == (KeyValue("run/019999", b"x" * 100, 2, 2, 1),)


def test_busy_for_too_long_is_unavailable(open_store: OpenStore, path: str) -> None:
    driver = open_store(busy_timeout=0.05)
    revision = put(driver, "k", b"1")
    with closing(sqlite3.connect(path, isolation_level=None)) as blocker:
        blocker.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="busy"):
            put(driver, "k", b"2")
        item = driver.get("k")
    assert item is not None
    assert item.value == b"1"
    assert put(driver, "k", b"3") == revision + 1


def test_full_disk_acknowledges_nothing(driver: SqliteDriver) -> None:
    revision = put(driver, "k", b"1")
    connection = driver._connections.take_writer()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    driver._connections.give_back_writer(connection)
    with pytest.raises(Unavailable, match="no space left"):
        driver.txn([], [Put("k", b"2"), Put("large", b"x" * 100_000)], [])
    item = driver.get("k")
    assert item is not None
    assert item.value == b"1"
    assert put(driver, "k", b"3") == revision + 1


def test_damage_names_the_file_and_what_to_do(open_store: OpenStore, path: str) -> None:
    first = open_store()
    first.txn([], [Put(f"{number:05}", b"x" * 500) for number in range(2000)], [])
    first.close()
    with open(path, "r+b") as file:
        file.seek(4096)
        file.write(os.urandom(os.path.getsize(path) - 4096))
    with pytest.raises(Internal, match="damaged") as caught:
        open_store().list("", start_after="", limit=2000, revision=0)
    assert path in caught.value.message
    assert "restore a backup" in caught.value.message


def test_what_is_no_database_is_left_alone(open_store: OpenStore, path: str) -> None:
    Path(path).write_bytes(b"my thesis, please do not overwrite" * 100)
    with pytest.raises(Internal, match="no SQLite file"):
        open_store()
    assert Path(path).read_bytes().startswith(b"my thesis")


def test_database_of_another_program_is_refused(open_store: OpenStore, path: str) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE bookmarks (url)")
    with pytest.raises(BadRequest, match="another program"):
        open_store()


def test_later_format_is_refused(open_store: OpenStore, path: str) -> None:
    open_store().close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 2")
    with pytest.raises(BadRequest, match="format 2"):
        open_store()


def test_path_that_cannot_be_made_is_refused(tmp_path: Path, open_store: OpenStore) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BadRequest, match="cannot make"):
        open_store(path=str(tmp_path / "file" / "state.db"))


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everything")
def test_file_that_may_not_be_written_is_forbidden(open_store: OpenStore, path: str) -> None:
    open_store().close()
    os.chmod(path, 0o400)
    with pytest.raises(Forbidden):
        put(open_store(), "k")


def test_interrupted_leader_leaves_the_lead_to_others(driver: SqliteDriver) -> None:
    def interrupted(_writer: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        driver._commits.run(interrupted)
    assert put(driver, "k") == 2


def test_lease_from_before_the_machine_started_is_over(open_store: OpenStore, path: str) -> None:
    first = open_store()
    lease = first.grant(60)
    first.txn([], [Put("held", b"", lease.id)], [])
    first.close()
    with closing(sqlite3.connect(path)) as clock:
        clock.execute("UPDATE lease SET deadline = deadline + 1e6")
        clock.commit()
    second = open_store()
    assert second.get("held") is None
    with pytest.raises(NotFound):
        second.keep_alive(lease.id)
