"""Many seeds, on several cores, until one fails or all are done."""

from __future__ import annotations

import gc
import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .trial import Result, run_seed

__all__ = ["Campaign", "Chunk", "run_campaign", "run_chunk"]

_CHUNK = 250


@dataclass(slots=True)
class Chunk:
    """What became of some seeds."""

    seeds: int = 0
    steps: int = 0
    failures: list[Result] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Campaign(Chunk):
    """What became of all of them, and how long it took."""

    seconds: float = 0.0

    def add(self, chunk: Chunk) -> None:
        """Take in a part."""
        self.seeds += chunk.seeds
        self.steps += chunk.steps
        self.failures += chunk.failures
        self.counts.update(chunk.counts)

    @property
    def summary(self) -> str:
        """A sentence, and what was exercised how often."""
        rate = self.seeds / self.seconds if self.seconds else 0.0
        per_seed = self.steps / max(1, self.seeds)
        lines = [
            f"{self.seeds} seeds, {len(self.failures)} violations, {self.seconds:.1f} s "
            f"({rate:.0f} seeds/s, {per_seed:.0f} steps each)"
        ]
        lines += [f"  {count:10d}  {name}" for name, count in sorted(self.counts.items())]
        return "\n".join(lines)


def run_chunk(first: int, end: int, until: float = float("inf"), failures: int = 1) -> Chunk:
    """Run the seeds from ``first`` to before ``end``, in this process.

    :param until: monotonic time at which to stop.
    :param failures: stop after so many.
    """
    chunk = Chunk()
    collecting = gc.isenabled()
    gc.disable()
    gc.freeze()  # what is there already is no garbage, and need not be looked at again
    try:
        for seed in range(first, end):
            result = run_seed(seed)
            chunk.seeds += 1
            chunk.steps += result.steps
            chunk.counts.update(result.counts)
            if result.failure:
                chunk.failures.append(result)
            if len(chunk.failures) >= failures or time.monotonic() > until:
                break
            if seed % 64 == 0:
                gc.collect()
    finally:
        gc.unfreeze()
        if collecting:
            gc.enable()
    return chunk


def run_campaign(
    first: int,
    end: int,
    *,
    jobs: int = 1,
    seconds: float = float("inf"),
    failures: int = 1,
    told: Callable[[Campaign], None] = lambda campaign: None,
) -> Campaign:
    """Run seeds on ``jobs`` cores; stop at so many failures, or after so many seconds.

    :param told: called after each part, with what is known so far.
    """
    began = time.monotonic()
    campaign = Campaign()
    until = began + seconds
    for chunk in _chunks(first, end, jobs, until, failures):
        campaign.add(chunk)
        campaign.seconds = time.monotonic() - began
        told(campaign)
        if len(campaign.failures) >= failures or time.monotonic() > until:
            break
    return campaign


def _chunks(first: int, end: int, jobs: int, until: float, failures: int) -> Iterator[Chunk]:
    parts = [(at, min(at + _CHUNK, end), until, failures) for at in range(first, end, _CHUNK)]
    if jobs == 1:
        yield from (run_chunk(*part) for part in parts)
        return
    # Forked: a mutant that was applied here is applied there, too.
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        yield from pool.imap_unordered(_run_part, parts)


def _run_part(part: tuple[int, int, float, int]) -> Chunk:
    return run_chunk(*part)
