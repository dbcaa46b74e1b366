"""``python -m tests.faults.simulation --seeds 0:1000000 --jobs 2``, or ``--seed 17 --verbose``."""

from __future__ import annotations

import argparse
import sys
import time

from .campaign import Campaign, run_campaign
from .profile import profile_of
from .shrink import shrink
from .trial import run_trial

__all__ = ["main", "replay"]


def replay(seed: int, *, verbose: bool, smaller: bool = False) -> str:
    """Run one seed and return its history and what became of it."""
    lines: list[str] = []
    profile, skip = profile_of(seed), frozenset[int]()
    if smaller and run_trial(profile).failure:
        profile, skip = shrink(profile)
    lines.append(f"{profile}" + (f"\nwithout the faults {sorted(skip)}" if skip else ""))
    trace = lines.append if verbose else None
    try:
        result = run_trial(profile, skip=skip, trace=trace)
        lines.append(f"seed {seed}: {result.failure or 'nothing was wrong'} ({result.steps} steps)")
    except Exception as error:
        lines.append(f"seed {seed}: {type(error).__name__}: {error}")
        raise
    finally:
        text = "\n".join(lines)
    return text


def main(arguments: list[str] | None = None) -> int:
    """Run it; the exit status is 1 when a rule was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.simulation", description=__doc__)
    parser.add_argument("--seeds", default="0:10000", help="first:end")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after these")
    parser.add_argument("--failures", type=int, default=1, help="stop after so many violations")
    parser.add_argument("--seed", type=int, help="run this one alone")
    parser.add_argument("--verbose", action="store_true", help="tell its history")
    parser.add_argument(
        "--shrink", action="store_true", help="leave out what is not needed to fail"
    )
    parser.add_argument("--mutant", help="apply this defect first")
    options = parser.parse_args(arguments)
    if options.mutant:
        from ..mutants import MUTANTS

        MUTANTS[options.mutant].apply()
    if options.seed is not None:
        print(replay(options.seed, verbose=options.verbose, smaller=options.shrink))
        return 0
    return _many(options)


def _many(options: argparse.Namespace) -> int:
    first, _, end = options.seeds.partition(":")
    campaign = run_campaign(
        int(first),
        int(end),
        jobs=options.jobs,
        seconds=options.seconds,
        failures=options.failures,
        told=_Progress(),
    )
    print(campaign.summary)
    for failure in sorted(campaign.failures, key=lambda each: (each.steps, each.seed)):
        print(f"seed {failure.seed}: {failure.failure} ({failure.steps} steps)")
    if campaign.failures:
        smallest = min(campaign.failures, key=lambda each: each.steps)
        print(replay(smallest.seed, verbose=True, smaller=True))
        print(f"again: python -m tests.faults.simulation --seed {smallest.seed} --verbose --shrink")
    return 1 if campaign.failures else 0


class _Progress:
    """Tells how far it is, now and then."""

    def __init__(self) -> None:
        self._next = time.monotonic() + 10

    def __call__(self, campaign: Campaign) -> None:
        if time.monotonic() > self._next:
            self._next = time.monotonic() + 10
            print(f"… {campaign.seeds} seeds, {campaign.seconds:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
