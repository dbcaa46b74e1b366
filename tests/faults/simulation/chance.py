"""The one source of chance of a trial, and the count of what it did."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

__all__ = ["Chance"]

T = TypeVar("T")


class Chance:
    """A seeded random generator that also decides which faults happen.

    :param rates: probability of every kind of fault, each time that it could happen.
    :param most: of faults; then all goes well, so that every history comes to an end.
    :param skip: ordinals of faults that are left out: how a failing seed is made smaller.
    :ivar counts: how often each fault happened and each feature was used.
    """

    def __init__(
        self,
        seed: int,
        rates: Mapping[str, float],
        *,
        most: int = 1_000_000,
        skip: Collection[int] = frozenset(),
    ) -> None:
        self.rng = random.Random(seed)
        self.random = self.rng.random
        self.rates = dict(rates)
        self.counts: Counter[str] = Counter()
        self.fired = 0
        self.quiet = False
        self.most, self.skip = most, skip

    def fault(self, kind: str) -> bool:
        """Decide whether a fault of this kind happens here and now."""
        rate = self.rates.get(kind, 0.0)
        return rate > 0 and not self.quiet and self.random() < rate and self.fire(kind)

    def fire(self, kind: str) -> bool:
        """Count a fault that is due; False: it is left out."""
        self.fired += 1
        if self.fired >= self.most:
            self.quiet = True
        if self.fired in self.skip:
            return False
        self.counts[kind] += 1
        return True

    def below(self, end: int) -> int:
        """Return a number in [0, end)."""
        return int(self.random() * end)

    def pick(self, items: Sequence[T]) -> T:
        """Return one of ``items``."""
        return items[int(self.random() * len(items))]
