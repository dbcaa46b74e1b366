from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ostler_posix.driver import PosixStorage
from ostler_posix.flat import PosixFlatStorage
from ostler_posix.settings import PosixSettings


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "storage"


@pytest.fixture
def posix(root: Path) -> Iterator[PosixStorage]:
    driver = PosixStorage(PosixSettings(path=str(root)))
    yield driver
    driver.close()


@pytest.fixture
def flat(root: Path) -> Iterator[PosixFlatStorage]:
    driver = PosixFlatStorage(PosixSettings(path=str(root)))
    yield driver
    driver.close()
