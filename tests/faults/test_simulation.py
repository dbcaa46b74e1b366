"""Simulated clusters, seed by seed: no seed breaks a rule. See `simulation`."""

from __future__ import annotations

import pytest

from .simulation.__main__ import replay
from .simulation.campaign import Chunk, run_campaign, run_chunk
from .simulation.trial import run_seed

SEEDS = 600
MANY = 20_000
EXERCISED = (
    "acknowledged arbiter-kv arbiter-storage audit body.fail checkpoint clock.jump collect "
    "commit-conflict commit-unknown crash damage-told delete.fail delete.late delete.unknown freeze get get.fail "
    "kv.back kv.fail kv.late kv.never kv.outage kv.unknown kv.wipe list.fail lock-contention "
    "object-lost power put.crash put.echo put.fail put.ghost put.late put.never put.twice put.unknown "
    "recovery scan watched"
)
"""What a campaign that deserves the name does: faults that happened, and things that were done."""


def check(campaign: Chunk) -> None:
    """Fail with the history of the shortest failing seed, and how to see it again."""
    if campaign.failures:
        worst = min(campaign.failures, key=lambda each: each.steps)
        history = replay(worst.seed, verbose=True, smaller=True)
        again = f"python -m tests.faults.simulation --seed {worst.seed} --verbose --shrink"
        pytest.fail(f"{history}\n{worst.failure}\n{again}", pytrace=False)
    missing = [name for name in EXERCISED.split() if not campaign.counts[name.replace("-", " ")]]
    assert missing == []


class TestSimulation:
    @pytest.mark.timeout(300)  # a few seconds, on a machine that has nothing else to do
    def test_no_seed_breaks_a_rule(self) -> None:
        check(run_chunk(0, SEEDS))

    def test_a_seed_is_a_history(self) -> None:
        first = [run_seed(seed) for seed in range(30)]
        assert first == [run_seed(seed) for seed in range(30)]

    @pytest.mark.slow
    @pytest.mark.timeout(3600)
    def test_none_of_many_seeds_breaks_a_rule(self) -> None:
        check(run_campaign(0, MANY, jobs=2))
