"""The whole contract of a storage, from the kit that Ostler brings along."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ostler.testing.storage import StorageConformance

from ostler_onefile.driver import OneFileSettings, OneFileStorage


class TestOneFile(StorageConformance):
    @pytest.fixture
    def driver(self, tmp_path: Path) -> Iterator[OneFileStorage]:
        driver = OneFileStorage(OneFileSettings(path=str(tmp_path / "objects.sqlite")))
        yield driver
        driver.close()
