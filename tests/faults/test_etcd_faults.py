"""See `etcd_faults.py`. ``OSTLER_FAULTS_ETCD``: cycles of each fault in the long form."""

from __future__ import annotations

import shutil

import pytest

from ..support import require
from .campaigns import campaign, count

FAULTS = ("wiped", "put back", "killed", "paused", "compacted", "dropped", "blackholed")


@pytest.fixture(scope="module", autouse=True)
def etcd() -> None:
    if shutil.which("etcd") is None:
        require("etcd", "there is no program `etcd` (Debian's package etcd-server) on the PATH")


@pytest.mark.timeout(180)
def test_faults_of_etcd_lose_nothing_and_hold_up_nobody_for_long() -> None:
    campaign("etcd_faults.py", "--cycles", 2, "--limit", 10, "--patience", 1)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("fault", FAULTS)
def test_one_fault_many_times(fault: str) -> None:
    cycles = count("ETCD", 100)  # the machine may be busy: 3 s instead of 2
    campaign("etcd_faults.py", "--long", "--limit", 3, "--cycles", cycles, "--fault", fault)
