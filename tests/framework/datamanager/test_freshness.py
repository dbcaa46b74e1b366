"""What was concluded from an absent number is worth something for half of the grace period."""

from __future__ import annotations

import pytest

from ostler.datamanager.freshness import Freshness, Instant

from .database_support import StillClock

GRACE = 100.0


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def freshness(clock: StillClock) -> Freshness:
    """Seen just now."""
    made = Freshness(clock, GRACE)
    made.seen(made.now())
    return made


def test_who_has_seen_nothing_is_stale(clock: StillClock) -> None:
    assert Freshness(clock, GRACE).stale


def test_now_is_this_moment_on_both_clocks(clock: StillClock) -> None:
    assert Freshness(clock, GRACE).now() == Instant(clock.time, clock.wall)


def test_it_lasts_for_half_of_the_grace_period(clock: StillClock, freshness: Freshness) -> None:
    assert not freshness.stale
    clock.pass_time(GRACE / 2 - 1)
    assert not freshness.stale
    clock.pass_time(1)
    assert freshness.stale
    freshness.seen(freshness.now())
    assert not freshness.stale


def test_what_counts_is_when_the_look_began(clock: StillClock, freshness: Freshness) -> None:
    began = freshness.now()
    clock.pass_time(GRACE / 2)
    freshness.seen(began)
    assert freshness.stale


@pytest.mark.parametrize(
    ("monotonic", "wall", "stale"),
    [
        (0.0, 49.0, False),
        (0.0, 50.0, True),  # the machine slept, and its monotonic clock with it
        (50.0, 0.0, True),  # the wall clock was set back meanwhile
        (10.0, -1.0, False),  # a small step of the wall clock says nothing
        (10.0, -1.5, True),
        (-1.0, 10.0, True),
    ],
)
def test_either_clock_makes_it_stale(
    clock: StillClock, freshness: Freshness, monotonic: float, wall: float, stale: bool
) -> None:
    clock.time += monotonic
    clock.wall += wall
    assert freshness.stale == stale


def test_without_any_grace_period_nothing_is_ever_fresh(clock: StillClock) -> None:
    freshness = Freshness(clock, 0.0)
    freshness.seen(freshness.now())
    assert freshness.stale
