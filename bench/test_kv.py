"""Single operations of the sqlite key-value store, each beside bare sqlite3 with the same pragmas."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from ostler.clock import SystemClock
from ostler.kv import KeyValueStore, absent
from ostler.spi import Put
from ostler_sqlite.driver import open_driver
from ostler_sqlite.settings import SqliteSettings

VALUE = b"x" * 300
KEYS = [f"filled/{number:05}" for number in range(5000)]
UPSERT = "INSERT OR REPLACE INTO t VALUES (?, ?)"


@pytest.fixture
def kv(tmp_path: Path) -> Iterator[KeyValueStore]:
    driver = open_driver(SqliteSettings(path=str(tmp_path / "ours.db")))
    store = KeyValueStore(driver, clock=SystemClock())
    store.txn(then=[Put(key, VALUE) for key in KEYS])
    yield store
    store.close()


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "bare.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE t (k TEXT PRIMARY KEY, v BLOB)")
        insert(connection, KEYS)
        yield connection


def insert(connection: sqlite3.Connection, keys: list[str]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(UPSERT, [(key, VALUE) for key in keys])
    connection.execute("COMMIT")


@pytest.mark.benchmark(group="txn: 1 compare, 2 puts, durable")
def test_txn(benchmark: BenchmarkFixture, kv: KeyValueStore) -> None:
    numbers = count()
    benchmark(
        lambda: kv.txn([absent("held")], [Put(f"run/{next(numbers)}", VALUE), Put("task", VALUE)])
    )


@pytest.mark.benchmark(group="txn: 1 compare, 2 puts, durable")
def test_txn_peer_insert_and_commit(benchmark: BenchmarkFixture, bare: sqlite3.Connection) -> None:
    numbers = count()
    benchmark(lambda: insert(bare, [f"run/{next(numbers)}", "task"]))


@pytest.mark.benchmark(group="5,000 puts at once")
def test_large_txn(benchmark: BenchmarkFixture, kv: KeyValueStore) -> None:
    puts = [Put(key, VALUE) for key in KEYS]
    benchmark.pedantic(lambda: kv.txn(then=puts), rounds=5)


@pytest.mark.benchmark(group="5,000 puts at once")
def test_large_txn_peer_executemany(benchmark: BenchmarkFixture, bare: sqlite3.Connection) -> None:
    benchmark.pedantic(insert, (bare, KEYS), rounds=5)


@pytest.mark.benchmark(group="get")
def test_get(benchmark: BenchmarkFixture, kv: KeyValueStore) -> None:
    assert benchmark(kv.get, KEYS[7])


@pytest.mark.benchmark(group="get")
def test_get_peer_select(benchmark: BenchmarkFixture, bare: sqlite3.Connection) -> None:
    query = "SELECT v FROM t WHERE k = ?"
    assert benchmark(lambda: bare.execute(query, (KEYS[7],)).fetchone())


@pytest.mark.benchmark(group="list 1,000")
def test_list(benchmark: BenchmarkFixture, kv: KeyValueStore) -> None:
    assert len(benchmark(lambda: kv.list("filled/", limit=1000)).items) == 1000


@pytest.mark.benchmark(group="list 1,000")
def test_list_peer_select(benchmark: BenchmarkFixture, bare: sqlite3.Connection) -> None:
    query = "SELECT k, v FROM t WHERE k >= 'filled/' AND k < 'filled0' ORDER BY k LIMIT 1000"
    assert len(benchmark(lambda: bare.execute(query).fetchall())) == 1000


@pytest.mark.benchmark(group="told by a watch, same process")
def test_watch(benchmark: BenchmarkFixture, kv: KeyValueStore) -> None:
    with kv.watch("watched") as watch:

        def change() -> None:
            kv.put("watched", b"")
            assert watch.next(5)

        benchmark(change)
