from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ostler.spi import ExecutorContext, ExecutorDriver
from ostler.testing.executor import ExecutorConformance
from ostler_local.driver import open_driver
from ostler_local.settings import LocalSettings


class TestLocal(ExecutorConformance):
    @pytest.fixture
    def driver(self, tmp_path: Path) -> Iterator[ExecutorDriver]:
        context = ExecutorContext(executor_id="kit", directory=str(tmp_path / "executor"))
        driver = open_driver(LocalSettings(), context)
        driver.setup()
        yield driver
        driver.close()
