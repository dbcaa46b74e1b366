from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from ostler.errors import Compacted
from ostler.spi import Delete, Put
from ostler_sqlite.driver import SqliteDriver

OpenStore = Callable[..., SqliteDriver]


def oldest(driver: SqliteDriver, revision: int) -> int:
    """Return the oldest revision that can still be listed at."""
    with pytest.raises(Compacted) as caught:
        driver.list("", start_after="", limit=1, revision=1)
    compacted = caught.value.details["compacted"]
    assert isinstance(compacted, int)
    assert compacted <= revision
    driver.list("", start_after="", limit=1, revision=compacted)
    return compacted


def test_keeps_as_many_revisions_as_it_was_told(open_store: OpenStore) -> None:
    driver = open_store(keep_revisions=300)
    for number in range(1000):
        revision = driver.txn([], [Put(f"{number % 7}", b"%d" % number)], []).revision
    assert 300 <= revision - oldest(driver, revision) < 300 + 256
    page = driver.list("", start_after="", limit=10, revision=0)
    assert sorted(item.value for item in page.items) == [b"%d" % n for n in range(993, 1000)]


def test_short_lived_processes_compact_too(open_store: OpenStore) -> None:
    for number in range(30):
        driver = open_store(keep_revisions=100)
        for turn in range(20):
            revision = driver.txn([], [Put("k", b"%d" % (number * 20 + turn))], []).revision
        driver.close()
    driver = open_store()
    assert revision - oldest(driver, revision) < 100 + 256


def test_large_values_are_kept_for_a_shorter_time(open_store: OpenStore, path: str) -> None:
    driver = open_store(keep_bytes=1 << 20)
    for number in range(200):
        revision = driver.txn([], [Put("k", os.urandom(50_000)), Delete(f"{number}")], []).revision
    assert revision - oldest(driver, revision) < 30
    assert os.path.getsize(path) < 4 << 20


def test_file_does_not_grow_with_the_number_of_writes(open_store: OpenStore, path: str) -> None:
    driver = open_store(keep_revisions=200)
    sizes = []
    for _ in range(3):
        for number in range(512):
            driver.txn([], [Put(f"{number % 50}", b"x" * 500), Put(f"new/{number}", b"")], [])
        driver.txn([], [Delete("new/", prefix=True)], [])
        sizes.append(os.path.getsize(path) + os.path.getsize(f"{path}-wal"))
    assert sizes[2] <= sizes[1] * 1.1
