"""See `freezes.py`. ``OSTLER_FAULTS_FREEZES``: cycles of the long form."""

from __future__ import annotations

import pytest

from .campaigns import campaign, count

pytestmark = pytest.mark.timeout(300)  # some seconds, unless the machine does much else


def test_a_frozen_writer_acknowledges_nothing_false() -> None:
    campaign("freezes.py", "--cycles", 8)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("arbiter", ["storage", "kv"])
def test_a_frozen_writer_many_times(arbiter: str) -> None:
    cycles = count("FREEZES", 100)
    campaign("freezes.py", "--cycles", cycles, "--seed", 20260612, "--arbiter", arbiter)
