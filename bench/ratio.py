"""Ours against a peer, in one process, turn by turn, so that a slow moment of the machine meets both."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["Ratio", "compare", "compare_many"]

Side = Callable[[], float | None]
"""Does the work once. Returns what it measured itself (seconds, or a rate), or None: its wall time counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """A comparison's outcome.

    :param ours: median of our side: seconds, or a rate when higher is better.
    :param peer: median of the other side, in the same unit.
    :param goal: the ratio not to be exceeded (or, when higher is better, to be reached).
    """

    name: str
    ours: float
    peer: float
    goal: float
    better: Literal["lower", "higher"] = "lower"

    @property
    def value(self) -> float:
        """Ours divided by the peer's."""
        return self.ours / self.peer

    @property
    def met(self) -> bool:
        """Whether the goal holds."""
        return self.value <= self.goal if self.better == "lower" else self.value >= self.goal

    def __str__(self) -> str:
        sign = "<=" if self.better == "lower" else ">="
        verdict = "ok" if self.met else "MISSED"
        sides = f"ours {self._show(self.ours)}  peer {self._show(self.peer)}"
        return f"{self.name}: {sides}  ratio {self.value:.2f} (goal {sign} {self.goal:g}) {verdict}"

    def _show(self, value: float) -> str:
        if self.better == "higher":
            return f"{value:,.1f}/s"
        return f"{value * 1e3:.3f} ms" if value >= 1e-3 else f"{value * 1e6:.1f} us"


def compare(
    name: str,
    ours: Side,
    peer: Side,
    *,
    rounds: int,
    goal: float,
    better: Literal["lower", "higher"] = "lower",
) -> Ratio:
    """Run both sides ``rounds`` times in turns, print one line with the medians, return them.

    A side that returns None is timed; with ``better="higher"`` its rate is
    calls per second. Each side runs once beforehand, unmeasured. The order
    within a round alternates.
    """
    goals = {name: (peer, goal)}
    (ratio,) = compare_many("", ours, goals, rounds=rounds, better=better)
    return ratio


def compare_many(
    name: str,
    ours: Side,
    peers: Mapping[str, tuple[Side, float]],
    *,
    rounds: int,
    better: Literal["lower", "higher"] = "lower",
    warm: bool = True,
) -> list[Ratio]:
    """As `compare`, against several peers with a goal for each, in the same turns.

    :param peers: by what is put after ``name`` to tell them apart.
    :param warm: run each side once beforehand, unmeasured.
    """
    sides = [ours, *(side for side, _goal in peers.values())]
    for side in sides if warm else ():
        side()
    samples: list[list[float]] = [[] for _side in sides]
    for turn in range(rounds):
        order = range(len(sides))
        for index in order if turn % 2 else reversed(order):
            samples[index].append(_measure(sides[index], better))
    medians = [statistics.median(each) for each in samples]
    ratios = [
        Ratio(name=name + title, ours=medians[0], peer=median, goal=goal, better=better)
        for (title, (_side, goal)), median in zip(peers.items(), medians[1:], strict=True)
    ]
    for ratio in ratios:
        print(ratio, flush=True)
    return ratios


def _measure(side: Side, better: str) -> float:
    gc.collect()
    began = time.perf_counter()
    measured = side()
    took = time.perf_counter() - began
    if measured is not None:
        return measured
    return took if better == "lower" else 1 / took
