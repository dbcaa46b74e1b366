"""A writer that is interrupted while it writes for all: the others go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ostler.clock import SystemClock
from ostler.datamanager import Datamanager, Put
from ostler.kv import KeyValueStore
from ostler.ost import ObjectStorage
from ostler_memory.driver import MemorySettings, MemoryStorage
from ostler_sqlite.driver import open_driver
from ostler_sqlite.settings import SqliteSettings

CLOCK = SystemClock()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Datamanager]:
    ost = ObjectStorage(MemoryStorage(MemorySettings()), clock=CLOCK)
    store = KeyValueStore(open_driver(SqliteSettings(path=str(tmp_path / "kv"))), clock=CLOCK)
    with closing(ost), closing(store):
        opened = Datamanager(ost, store, types=("entry",), clock=CLOCK)
        opened.open()
        with closing(opened):
            yield opened


def raising(error: BaseException) -> Callable[..., None]:
    def call(*_arguments: object) -> None:
        raise error

    return call


@pytest.mark.parametrize("step", ["_gather", "_yield", "_write", "_note"])
def test_the_next_one_leads(
    database: Datamanager, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(database._committer, step, raising(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            database.commit([Put("entry", "interrupted", b"")])
    database.commit([Put("entry", "next", b"")])
    assert database.get("entry", "next") == b""
    assert (database.get("entry", "interrupted") is None) == (step != "_note")
