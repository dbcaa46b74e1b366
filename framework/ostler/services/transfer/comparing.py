"""Which objects of two listings belong together, and what is to be done with them. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from ostler.spi.storage import ObjectInfo

__all__ = ["Pair", "Verdict", "joined", "judge"]

Listing = Iterator[tuple[str, ObjectInfo]]

_DOUBT = 1.0
"""Seconds: what some storages round times to."""


class Verdict(Enum):
    """How an object of the target stands to that of the source."""

    ABSENT = "absent"
    SIZE = "size"
    NEWER = "newer"
    CONTENT = "content"
    UNSURE = "unsure"
    SAME = "same"
    EXTRA = "extra"


@dataclass(frozen=True, slots=True)
class Pair:
    """What two listings have under one name: something in at least one of them."""

    name: str
    source: ObjectInfo | None
    target: ObjectInfo | None


def joined(sources: Listing, targets: Listing) -> Iterator[Pair]:
    """Yield the names of both listings, which are ordered by name, in that order. It streams."""
    source, target = next(sources, None), next(targets, None)
    while source is not None or target is not None:
        if target is None or (source is not None and source[0] < target[0]):
            assert source is not None
            yield Pair(source[0], source[1], None)
            source = next(sources, None)
        elif source is None or target[0] < source[0]:
            yield Pair(target[0], None, target[1])
            target = next(targets, None)
        else:
            yield Pair(source[0], source[1], target[1])
            source, target = next(sources, None), next(targets, None)


def judge(pair: Pair, *, checksum: bool) -> Verdict:
    """Return how the target stands to the source, `Verdict.UNSURE` when only the bytes can tell.

    A source that was modified after the target was written is newer. Storages have clocks
    of their own, some without fractions of a second: what is at most a second apart
    may be either.

    :param checksum: times prove nothing.
    """
    if pair.source is None:
        return Verdict.EXTRA
    if pair.target is None:
        return Verdict.ABSENT
    if pair.source.size != pair.target.size:
        return Verdict.SIZE
    if checksum:
        return Verdict.UNSURE
    later = pair.source.modified - pair.target.modified
    if abs(later) <= _DOUBT:
        return Verdict.UNSURE
    return Verdict.NEWER if later > 0 else Verdict.SAME
