from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from ostler.clock import SystemClock
from ostler.kv import KeyValueStore
from ostler_sqlite.driver import SqliteDriver
from ostler_sqlite.settings import SqliteSettings

from .database_support import World
from .files_support import Files, memory_storage, posix_storage

_NUMBERS = count()
_QUICK = Path("/dev/shm")


@pytest.fixture(params=["memory", "posix"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    return Files(memory_storage() if request.param == "memory" else posix_storage(tmp_path))


@pytest.fixture(scope="session")
def kv_driver() -> Iterator[SqliteDriver]:
    """One store for all tests: making one takes longer than most of them."""
    with tempfile.TemporaryDirectory(dir=_QUICK if _QUICK.is_dir() else None) as directory:
        driver = SqliteDriver(SqliteSettings(path=f"{directory}/kv.db"))
        yield driver
        driver.close()


@pytest.fixture
def kv(kv_driver: SqliteDriver) -> KeyValueStore:
    """An empty part of it."""
    return KeyValueStore(kv_driver, clock=SystemClock(), prefix=f"{next(_NUMBERS)}/")


@pytest.fixture
def world(kv: KeyValueStore) -> World:
    """A storage that creates exclusively."""
    return World(kv)


@pytest.fixture(params=["storage", "kv"])
def worlds(request: pytest.FixtureRequest, kv: KeyValueStore) -> World:
    """Per arbiter: who decides between writers."""
    return World(kv, exclusive=request.param == "storage")
