"""The conformance kit for object storage drivers.

With pytest, subclass `StorageConformance` and give it one fixture::

    class TestMine(StorageConformance):
        @pytest.fixture
        def driver(self, tmp_path):
            driver = MyDriver(MySettings(path=tmp_path))
            yield driver
            driver.close()

Without it, call `run_conformance` with a function that opens a driver on a
new, empty storage. Neither this package nor its checks import pytest.
"""

from __future__ import annotations

from .bodies import BodyChecks
from .keys import KeyChecks
from .kit import StorageConformance, run_conformance
from .listings import ListingChecks
from .races import RaceChecks
from .writes import WriteChecks

__all__ = [
    "BodyChecks",
    "KeyChecks",
    "ListingChecks",
    "RaceChecks",
    "StorageConformance",
    "WriteChecks",
    "run_conformance",
]
