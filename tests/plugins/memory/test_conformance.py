from __future__ import annotations

from collections.abc import Iterator

import pytest

from ostler.testing.storage import StorageConformance
from ostler_memory.driver import MemorySettings, MemoryStorage


class TestMemory(StorageConformance):
    @pytest.fixture
    def driver(self) -> Iterator[MemoryStorage]:
        driver = MemoryStorage(MemorySettings())
        yield driver
        driver.close()
