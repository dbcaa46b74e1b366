from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ostler_sqlite.driver import SqliteDriver, open_driver
from ostler_sqlite.settings import SqliteSettings

OpenStore = Callable[..., SqliteDriver]


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "state.db")


@pytest.fixture
def open_store(path: str) -> Iterator[OpenStore]:
    """Open the test's store as often as wanted; all are closed at the end."""
    opened: list[SqliteDriver] = []

    def open_one(**settings: Any) -> SqliteDriver:
        opened.append(open_driver(SqliteSettings(**{"path": path, **settings})))
        return opened[-1]

    yield open_one
    for driver in opened:
        driver.close()


@pytest.fixture
def driver(open_store: OpenStore) -> SqliteDriver:
    return open_store()


@pytest.fixture
def second_driver(open_store: OpenStore) -> SqliteDriver:
    return open_store()
