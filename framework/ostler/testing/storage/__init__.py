"""The conformance kit for object storage drivers.

With pytest, subclass `StorageConformance` and give it one fixture::

    class TestMine(StorageConformance):
        @pytest.fixture
        def driver(self, tmp_path):
            driver = MyDriver(MySettings(path=tmp_path))
            yield driver
            driver.close()

Without it, call `run_conformance` with a function that opens a driver on an
empty storage. Neither this package nor its checks import pytest.
"""

from __future__ import annotations

from .kit import OpenDriver, StorageConformance, conformance_checks, run_conformance

__all__ = ["OpenDriver", "StorageConformance", "conformance_checks", "run_conformance"]
