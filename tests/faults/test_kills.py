"""See `kills.py`. ``OSTLER_FAULTS_KILLS``: cycles of the long form."""

from __future__ import annotations

import pytest

from .campaigns import campaign, count

pytestmark = pytest.mark.timeout(300)  # some seconds, unless the machine does much else


def test_killed_writers_lose_nothing_and_double_nothing() -> None:
    campaign("kills.py", "--cycles", 25)


def test_killed_writers_under_the_arbitration_of_the_store() -> None:
    campaign("kills.py", "--cycles", 10, "--arbiter", "kv")


def test_killed_writers_on_a_disk(tmp_path: object) -> None:
    campaign("kills.py", "--cycles", 5, "--directory", tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("arbiter", ["storage", "kv"])
def test_killed_writers_many_times(arbiter: str) -> None:
    cycles = count("KILLS", 500)
    campaign("kills.py", "--cycles", cycles, "--seed", 20260611, "--arbiter", arbiter)
