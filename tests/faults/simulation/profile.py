"""What one seed is made of: the storage, the processes, the faults, the figures.

Every seed switches most faults off altogether and the others on at rates of
its own ("swarm testing"): a history in which everything fails all the time
hides what only shows when one thing does.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ostler.datamanager import Options

__all__ = ["HAZARDS", "Profile", "profile_of"]

HAZARDS = ("crash", "freeze", "clock.jump", "power", "kv.wipe", "kv.back", "kv.outage")
"""What may happen at any step, to a process or to the world; the rest are faults of requests."""

_REQUESTS = {
    "put.fail": 0.2,
    "put.unknown": 0.2,
    "put.never": 0.1,
    "put.late": 0.2,
    "put.twice": 0.2,
    "put.echo": 0.15,
    "put.ghost": 0.2,
    "put.crash": 0.1,
    "get.fail": 0.1,
    "body.fail": 0.05,
    "list.fail": 0.1,
    "list.cut": 0.1,
    "delete.fail": 0.1,
    "delete.unknown": 0.1,
    "delete.late": 0.1,
    "kv.fail": 0.1,
    "kv.unknown": 0.15,
    "kv.never": 0.1,
    "kv.late": 0.1,
}
_OFTEN = {
    "crash": 0.01,
    "freeze": 0.03,
    "clock.jump": 0.01,
    "kv.wipe": 0.01,
    "kv.back": 0.01,
    "kv.outage": 0.01,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How a trial is set up.

    :param remote: requests may come late or twice, and what is visible is durable;
        else a file system: nothing comes late, but power loss takes what is not synced.
    :param exclusive: the storage creates exclusively; else the key-value store decides.
    :param vague: a put that timed out says `Unavailable`, not `Unknown`.
    :param founded: the database is there already when the first process begins.
    :param sticky: probability that a task goes on after a step.
    :param skew: seconds by which clocks of processes are wrong at most.
    :param pace: seconds between two things that an actor does, about.
    :param faults: how many there are at most.
    :param delays: in grace periods, how long something is frozen or on its way.
    :param rates: of faults and hazards.
    """

    seed: int
    remote: bool
    exclusive: bool
    ordered: bool
    vague: bool
    founded: bool
    sticky: float
    skew: float
    storage_offset: float
    prefix: str
    pace: float
    grace: float
    processes: int
    writers: int
    operations: int
    readers: int
    watchers: int
    checkpointers: int
    collectors: int
    retries: int
    file_size: int
    fanout: int
    keep_manifests: int
    keep_groups: int
    batch_bytes: int
    checkpoint_commits: int
    value_size: int
    ids: int
    faults: int
    delays: tuple[float, ...]
    rates: Mapping[str, float] = field(default_factory=dict)

    @property
    def options(self) -> Options:
        """The figures of the datamanager under test: all of them tiny."""
        return Options(
            grace=self.grace,
            keep_manifests=self.keep_manifests,
            batch_bytes=self.batch_bytes,
            transaction_bytes=100_000,
            checkpoint_commits=self.checkpoint_commits,
            checkpoint_interval=self.grace,
            commit_budget=2.0,
            poll=self.grace / 4,
            cache_bytes=2_000,
            file_size=self.file_size,
            block_size=120,
            fanout=self.fanout,
            keep_groups=self.keep_groups,
        )


def profile_of(seed: int) -> Profile:
    """Return what a seed is made of: each fourth one is about somebody who sleeps for long."""
    rng = random.Random(seed * 2 + 1)
    profile = _anything(seed, rng)
    return _sleeper(profile, rng) if seed % 4 == 3 else profile


def _sleeper(profile: Profile, rng: random.Random) -> Profile:
    """Make it a history in which much is collected while somebody sleeps or a request is on its way."""
    rates = {"freeze": 0.02, "freeze.wal": rng.choice((0.05, 0.15)), "crash": 0.005}
    if profile.remote:
        rates |= {"put.late": 0.1, "put.twice": rng.choice((0.0, 0.1)), "put.ghost": 0.5}
    return replace(
        profile,
        founded=True,
        pace=profile.grace * rng.choice((0.3, 0.6, 0.9)),
        processes=rng.choice((2, 2, 3)),
        writers=1,
        operations=rng.choice((2, 3, 4)),
        readers=0,
        watchers=rng.choice((0, 1)),
        checkpointers=1,
        collectors=1,
        keep_manifests=1,
        sticky=0.9,
        faults=rng.choice((1, 2, 3, 5)),
        delays=(1.2, 3.0, 5.0, 8.0),
        rates=rates,
    )


def _anything(seed: int, rng: random.Random) -> Profile:
    grace = rng.choice((20.0, 60.0))
    remote, exclusive = rng.random() < 0.6, rng.random() < 0.65
    return Profile(
        seed=seed,
        remote=remote,
        exclusive=exclusive,
        ordered=rng.random() < 0.9,
        vague=rng.random() < 0.15,
        founded=rng.random() < 0.88,
        sticky=rng.choice((0.0, 0.3, 0.7, 0.9)),
        skew=rng.choice((0.0, 0.0, 1.0, 3600.0)),
        storage_offset=rng.choice((0.0, 0.0, -3600.0, 3600.0)),
        prefix=rng.choice(("", "some/where/")),
        pace=rng.choice((0.0, 0.05, grace * 0.1, grace * 0.6)),
        grace=grace,
        processes=rng.choice((1, 2, 2, 3)),
        writers=rng.choice((1, 1, 1, 2, 3)),
        operations=rng.choice((1, 1, 2, 2, 3)),
        readers=rng.choice((0, 1, 1)),
        watchers=rng.choice((0, 0, 1)),
        checkpointers=rng.choice((0, 1, 1)),
        collectors=rng.choice((0, 1, 1)),
        retries=rng.choice((1, 2, 4)),
        file_size=rng.choice((150, 400, 2000)),
        fanout=rng.choice((2, 3)),
        keep_manifests=rng.choice((1, 2)),
        keep_groups=rng.choice((1, 1, 100)),
        batch_bytes=rng.choice((60, 1000, 10_000)),
        checkpoint_commits=rng.choice((1, 2, 4, 1000)),
        value_size=rng.choice((0, 30, 120)),
        ids=rng.choice((2, 6, 12)),
        faults=rng.choice((1, 2, 4, 8, 16, 32)),
        delays=(0.0, 0.0002, 0.01, 0.4, 0.7, 1.5, 4.0),
        rates=_rates(rng, remote=remote),
    )


def _rates(rng: random.Random, *, remote: bool) -> dict[str, float]:
    if rng.random() < 0.05:
        return {}
    share = rng.choice((0.1, 0.3, 0.6))
    rates = {
        kind: most * rng.choice((0.3, 1.0))
        for kind, most in _REQUESTS.items()
        if rng.random() < share
    }
    rates.update({kind: most for kind, most in _OFTEN.items() if rng.random() < 0.3})
    if not remote and rng.random() < 0.6:
        rates["power"] = 0.01
    return rates
