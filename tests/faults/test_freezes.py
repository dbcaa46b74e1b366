"""See `freezes.py`. ``OSTLER_FAULTS_FREEZES``: cycles of the long form."""

from __future__ import annotations

import pytest

from .campaigns import campaign, count


def test_a_frozen_writer_acknowledges_nothing_false() -> None:
    campaign("freezes.py", "--cycles", 8)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_frozen_writer_many_times() -> None:
    campaign("freezes.py", "--cycles", count("FREEZES", 100), "--seed", 20260612)
