"""The whole contract of a storage, from the kit that Ostler brings along."""

from __future__ import annotations

from pathlib import Path

import pytest
from ostler.testing.storage import StorageConformance

from ostler_onefile.driver import OneFileSettings, OneFileStorage


class TestOneFile(StorageConformance):
    @pytest.fixture
    def driver(self, tmp_path: Path) -> OneFileStorage:
        return OneFileStorage(OneFileSettings(path=str(tmp_path / "objects.sqlite")))
