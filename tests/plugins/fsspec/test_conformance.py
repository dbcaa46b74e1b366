from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from ostler.testing.storage import StorageConformance
from ostler_fsspec.driver import FsspecStorage, open_driver
from ostler_fsspec.settings import FsspecSettings


class TestMemory(StorageConformance):
    @pytest.fixture
    def driver(self) -> Iterator[FsspecStorage]:
        driver = open_driver(FsspecSettings(protocol="memory", path=uuid.uuid4().hex))
        yield driver
        driver.close()


class TestFile(StorageConformance):
    @pytest.fixture
    def driver(self, tmp_path: Path) -> Iterator[FsspecStorage]:
        driver = open_driver(FsspecSettings(protocol="file", path=str(tmp_path / "root")))
        yield driver
        driver.close()
