"""Making a failing seed smaller: fewer actors, fewer faults, and still a failure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from .profile import Profile
from .trial import run_trial

__all__ = ["shrink"]

_SIMPLER: tuple[tuple[str, object], ...] = (
    ("watchers", 0),
    ("readers", 0),
    ("collectors", 0),
    ("checkpointers", 0),
    ("writers", 1),
    ("processes", 1),
    ("processes", 2),
    ("operations", 1),
    ("operations", 2),
    ("sticky", 0.9),
    ("skew", 0.0),
    ("storage_offset", 0.0),
    ("founded", True),
    ("prefix", ""),
    ("ordered", True),
    ("vague", False),
    ("value_size", 0),
    ("ids", 2),
    ("retries", 1),
)


def shrink(profile: Profile, tries: int = 400) -> tuple[Profile, frozenset[int]]:
    """Return a profile, and the faults to leave out of it, that fail alike with less going on."""
    wanted = _words(run_trial(profile).failure)
    skip: frozenset[int] = frozenset()
    for simpler in _candidates(profile):
        if _fails(replace(profile, **simpler), skip, wanted):
            profile = replace(profile, **simpler)
    for kind in list(profile.rates):
        less = {name: rate for name, rate in profile.rates.items() if name != kind}
        if _fails(replace(profile, rates=less), skip, wanted):
            profile = replace(profile, rates=less)
    for ordinal in range(run_trial(profile).fired, 0, -1):
        tries -= 1
        if tries > 0 and _fails(profile, skip | {ordinal}, wanted):
            skip |= {ordinal}
    return profile, skip


def _fails(profile: Profile, skip: frozenset[int], wanted: frozenset[str]) -> bool:
    """Whether it fails, and in words much like these: another failure would lead astray."""
    words = _words(run_trial(profile, skip=skip).failure)
    return len(words & wanted) * 2 > len(words | wanted)


def _words(failure: str) -> frozenset[str]:
    return frozenset(re.findall("[a-z]{3,}", failure))


def _candidates(profile: Profile) -> Iterator[dict[str, Any]]:
    for name, value in _SIMPLER:
        if getattr(profile, name) != value:
            yield {name: value}
