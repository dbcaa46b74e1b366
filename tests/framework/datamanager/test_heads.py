from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ostler.clock import SystemClock
from ostler.datamanager.heads import Head, Heads
from ostler.errors import Conflict
from ostler.kv import KeyValueStore
from ostler_sqlite.driver import open_driver
from ostler_sqlite.settings import SqliteSettings


@pytest.fixture
def kv(tmp_path: Path) -> Iterator[KeyValueStore]:
    store = KeyValueStore(
        open_driver(SqliteSettings(path=str(tmp_path / "kv.db"))), clock=SystemClock()
    )
    yield store
    store.close()


def test_a_head_never_goes_back(kv: KeyValueStore) -> None:
    Heads(kv).publish(Head("c", 5, 2))
    later = Heads(kv)
    assert later.read() == Head("c", 5, 2)
    later.publish(Head("c", 0, 1))  # as a process does that has just begun
    later.publish(Head("c", 3, 3))
    assert Heads(kv).read() == Head("c", 5, 3)


def test_a_head_that_another_process_wrote_meanwhile_is_not_overwritten(kv: KeyValueStore) -> None:
    slow = Heads(kv)
    slow.publish(Head("c", 1, 1))
    Heads(kv).publish(Head("c", 7, 1))
    slow.publish(Head("c", 2, 2))
    assert Heads(kv).read() == Head("c", 7, 2)


def test_a_store_of_another_database_is_refused(kv: KeyValueStore) -> None:
    Heads(kv).publish(Head("other", 1, 1))
    with pytest.raises(Conflict, match="not made together"):
        Heads(kv).publish(Head("c", 2, 1))


def test_a_store_that_was_emptied_is_told_again(kv: KeyValueStore) -> None:
    heads = Heads(kv)
    heads.publish(Head("c", 4, 1))
    kv.delete("head")
    assert heads.read() is None
    heads.publish(Head("c", 4, 1))
    assert Heads(kv).read() == Head("c", 4, 1)
