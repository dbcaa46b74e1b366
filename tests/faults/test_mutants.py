"""The simulator finds every defect that is put into the datamanager on purpose. See `mutants`."""

from __future__ import annotations

import pytest

from .mutants import MUTANTS, Mutant
from .simulation.campaign import run_campaign

QUICK = [mutant.name for mutant in MUTANTS.values() if mutant.quick]
LIMIT = 300.0
"""Seconds: each is found in less than 60 s of one core that nobody else uses."""


def find(mutant: Mutant, seconds: float) -> str:
    """Return which rule the mutant was seen to break; empty: none, in that time."""
    undo = mutant.apply()
    try:
        campaign = run_campaign(0, 1_000_000, seconds=seconds)
    finally:
        undo()
    return campaign.failures[0].failure if campaign.failures else ""


class TestMutants:
    @pytest.mark.parametrize("name", MUTANTS)
    def test_applies(self, name: str) -> None:
        MUTANTS[name].apply()()

    @pytest.mark.timeout(LIMIT + 60)
    @pytest.mark.parametrize("name", QUICK)
    def test_is_found_at_once(self, name: str) -> None:
        assert find(MUTANTS[name], LIMIT)

    @pytest.mark.slow
    @pytest.mark.timeout(LIMIT + 60)
    @pytest.mark.parametrize("name", sorted(set(MUTANTS) - set(QUICK)))
    def test_is_found(self, name: str) -> None:
        assert find(MUTANTS[name], LIMIT)
