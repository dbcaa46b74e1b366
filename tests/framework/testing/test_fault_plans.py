from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ostler.testing.faults import (
    LoseAnswer,
    Plan,
    Request,
    Reset,
    always,
    chance,
    every,
    first,
    nth,
    together,
)


def request(method: str = "GET", target: str = "/b/k") -> Request:
    return Request(method, target, ())


def hits(plan: Plan, number: int) -> list[int]:
    return [each for each in range(1, number + 1) if plan(request())]


def test_plans() -> None:
    fault = Reset()
    assert hits(always(fault), 3) == [1, 2, 3]
    assert hits(every(3, fault), 10) == [3, 6, 9]
    assert hits(first(2, fault), 5) == [1, 2]
    assert hits(nth(4, fault), 9) == [4]


def test_a_plan_counts_what_matches() -> None:
    plan = every(2, Reset(), method="PUT", target=r"^/b/.*partNumber=")
    asked = [request("PUT", "/b/k?partNumber=1"), request(), request("PUT", "/c?partNumber=1")]
    assert [plan(each) for each in asked * 2] == [None, None, None, Reset(), None, None]


def test_the_first_plan_with_a_fault_wins_and_all_count() -> None:
    plan = together(every(2, Reset()), every(3, LoseAnswer()))
    found = [plan(request()) for _ in range(6)]
    assert found == [None, Reset(), LoseAnswer(), Reset(), None, Reset()]


@given(st.integers(), st.floats(0, 1))
def test_chance_is_reproducible(seed: int, probability: float) -> None:
    first_time = hits(chance(probability, Reset(), seed=seed), 50)
    assert hits(chance(probability, Reset(), seed=seed), 50) == first_time


def test_chance_is_about_right() -> None:
    assert 250 < len(hits(chance(0.3, Reset(), seed=7), 1000)) < 350
