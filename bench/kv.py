"""The sqlite key-value store against bare sqlite3 with the same pragmas: prints both and the ratio.

A transaction of ours compares a key, writes two, keeps the history, and wakes
whoever watches; one of the peer's inserts two rows and commits. Both on the
disk that the first argument lies on (default: here).
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing

from ratio import compare

from ostler.clock import SystemClock
from ostler.kv import KeyValueStore, absent
from ostler.spi import Put
from ostler_sqlite.driver import SqliteDriver, open_driver
from ostler_sqlite.settings import SqliteSettings

VALUE = b"x" * 300
TXNS = 1500
PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 1000")


def rate(threads: int, work: Callable[[int, int], None]) -> float:
    """Return transactions per second of that many threads."""
    share = TXNS // threads
    started = [threading.Thread(target=work, args=(number, share)) for number in range(threads)]
    began = time.perf_counter()
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    return share * threads / (time.perf_counter() - began)


def ours(kv: KeyValueStore, number: int, share: int) -> None:
    for turn in range(share):
        puts = [Put(f"run/{number}/{turn}", VALUE), Put(f"task/{turn % 50}", VALUE)]
        assert kv.txn([absent("held")], puts).succeeded


def bare(path: str, number: int, share: int) -> None:
    with closing(sqlite3.connect(path, isolation_level=None, timeout=60)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        for turn in range(share):
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(PUT, (f"run/{number}/{turn}", VALUE))
            connection.execute(PUT, (f"task/{turn % 50}", VALUE))
            connection.execute("COMMIT")


PUT = "INSERT OR REPLACE INTO t VALUES (?, ?)"


def processor_time(kv: KeyValueStore) -> None:
    """Print what a transaction costs the processor, alone and with many puts."""
    for puts in (2, 10, 100, 20_000):
        count = max(1, 2000 // puts)
        branch = [Put(f"cpu/{number:06}", VALUE) for number in range(puts)]
        began = time.process_time()
        for _ in range(count):
            kv.txn([absent("held")], branch)
        spent = (time.process_time() - began) / count * 1e6
        print(f"  {puts:6} puts: {spent:9.0f} us of CPU, {spent / puts:6.1f} us each")


def open_store(directory: str) -> KeyValueStore:
    driver: SqliteDriver = open_driver(SqliteSettings(path=os.path.join(directory, "ours.db")))
    return KeyValueStore(driver, clock=SystemClock())


def main(where: str) -> None:
    directory = tempfile.mkdtemp(dir=where, prefix=".bench-kv-")
    kv = open_store(directory)
    path = os.path.join(directory, "bare.db")
    with closing(sqlite3.connect(path)) as peer:
        for pragma in PRAGMAS:
            peer.execute(f"PRAGMA {pragma}")
        peer.execute("CREATE TABLE t (k TEXT PRIMARY KEY, v BLOB)")
        for threads, goal in ((1, 0.6), (16, 1.5)):
            compare(
                f"txn/s from {threads} threads, durable",
                lambda threads=threads: rate(threads, lambda n, share: ours(kv, n, share)),
                lambda threads=threads: rate(threads, lambda n, share: bare(path, n, share)),
                rounds=3,
                goal=goal,
                better="higher",
            )
        processor_time(kv)
    kv.close()
    shutil.rmtree(directory)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else ".")
