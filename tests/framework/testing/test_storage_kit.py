"""The kit must notice: every driver here breaks one promise of the contract."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ostler.spi.storage import StorageDriver
from ostler.testing.report import run_checks
from ostler.testing.storage import conformance_checks, run_conformance
from ostler_memory.driver import MemorySettings, MemoryStorage

from .broken_drivers import BROKEN, Broken, ListsAThousandAtMost

CHECKS = sorted(conformance_checks(lambda: MemoryStorage(MemorySettings())))


def failures(driver: type[Broken], check: str) -> list[str]:
    only = {check: conformance_checks(driver)[check]}
    return [result.name for result in run_checks(driver.__name__, only).failed]


def test_the_driver_that_is_broken_on_purpose_is_whole_before() -> None:
    assert str(run_conformance(Broken)).splitlines() == [
        f"{Broken.__module__}.Broken: {len(CHECKS)}/{len(CHECKS)} ok"
    ]


@pytest.mark.parametrize(
    ("driver", "check"), BROKEN, ids=[f"{driver.__name__}-{check}" for driver, check in BROKEN]
)
def test_notices(driver: type[Broken], check: str) -> None:
    assert failures(driver, check) == [check]


def test_knows_many_ways_to_be_wrong() -> None:
    assert len({driver for driver, _check in BROKEN}) >= 40


def test_a_whole_run_tells_the_failures_among_the_rest() -> None:
    report = run_conformance(ListsAThousandAtMost)
    assert [result.name for result in report.failed] == ["list_pages"]
    assert report.failed[0].message.startswith("the whole listing: expected")


def test_leaves_what_it_finds_in_a_storage_that_is_not_empty() -> None:
    shared = Shared()
    shared.put("mine", Once(b"precious"), size=8, persist=False, if_absent=False)
    report = run_conformance(lambda: shared)
    assert {result.ok for result in report.results} == {False}
    assert "which a check wants empty" in report.results[0].message
    assert shared.stat("mine").size == 8


def test_checks_one_storage_again_and_again() -> None:
    shared = Shared()
    assert run_conformance(lambda: shared).failed == ()
    assert list(shared.list("", "", "")) == []


def test_needs_no_pytest() -> None:
    code = "import sys, ostler.testing.storage; sys.exit('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class Shared(Broken):
    """One storage for everybody: closing it keeps what is in it."""

    def close(self) -> None:
        assert isinstance(self, StorageDriver)


class Once:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def read(self, size: int = -1, /) -> bytes:
        data, self.data = self.data, b""
        return data
