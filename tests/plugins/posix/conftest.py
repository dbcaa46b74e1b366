from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ostler_posix.driver import PosixStorage
from ostler_posix.flat import PosixFlatStorage
from ostler_posix.settings import PosixSettings


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "storage"


@pytest.fixture(scope="module")
def large_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A place for very many files: in memory, where the system has one."""
    shared = Path("/dev/shm")
    where = shared if os.access(shared, os.W_OK) else tmp_path_factory.getbasetemp()
    with tempfile.TemporaryDirectory(dir=where) as name:
        yield Path(name)


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
