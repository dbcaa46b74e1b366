"""See `load.py`. ``OSTLER_FAULTS_LOAD``: seconds."""

from __future__ import annotations

import pytest

from .campaigns import campaign, count


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_nothing_grows_under_load() -> None:
    campaign("load.py", "--seconds", count("LOAD", 60))
