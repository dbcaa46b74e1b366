"""Transactions that may be larger than the store takes at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ostler.errors import Unknown
from ostler.kv import KeyValueStore, absent
from ostler.spi.kv import Compare, Delete, Operation, Put

from .values import at_revision

__all__ = ["write"]

_ATTEMPTS = 20
_PAUSE = 0.5
"""Seconds at most between attempts."""

Part = tuple[list[Compare], list[Operation], list[str]]


def write(
    kv: KeyValueStore,
    guards: Sequence[Compare],
    operations: Sequence[Operation],
    *,
    created: Sequence[Put] = (),
) -> int | None:
    """Write all of it if the comparisons hold; return the revision, or None if they do not.

    What is too much for one transaction goes in several, each under all of
    ``guards``. What makes the rest visible (a header) must stand last; the last
    operations go together.

    :param created: keys that must not exist yet, each compared in the part that
        writes it. When a later part fails those of earlier parts are taken
        back, so that a second attempt meets none of its own.
    """
    done: list[tuple[int, str]] = []
    revision: int | None = None
    for compares, part, names in _parts(kv, guards, operations, created):
        revision = _written(kv, compares, part)
        if revision is None:
            for at, name in done:
                kv.txn([at_revision(name, at)], [Delete(name)])
            return None
        done += [(revision, name) for name in names]
    return revision


def _written(
    kv: KeyValueStore, compares: Sequence[Compare], part: Sequence[Operation]
) -> int | None:
    """Run a transaction; return its revision, or None if the comparisons do not hold.

    Whose outcome is unknown is run again: it cannot be done twice, for what it
    writes is the same, and when the comparisons hold no more it is seen whether
    that is its own doing.
    """
    doubt = False
    for left in range(_ATTEMPTS, -1, -1):
        try:
            result = kv.txn(compares, part)
        except Unknown:
            if not left:
                raise
            doubt = True
            kv.clock.sleep(_PAUSE * kv.clock.random())
            continue
        if result.succeeded:
            return result.revision
        return _own(kv, part) if doubt else None
    return None


def _own(kv: KeyValueStore, part: Sequence[Operation]) -> int | None:
    """Return the revision that wrote everything as ``part`` says; None: something else did."""
    revision = 0
    for operation in part:
        if isinstance(operation, Put):
            item = kv.get(operation.key)
            if item is None or item.value != operation.value:
                return None
            revision = max(revision, item.mod_revision)
    return revision or None


def _parts(
    kv: KeyValueStore,
    guards: Sequence[Compare],
    operations: Sequence[Operation],
    created: Sequence[Put],
) -> Iterator[Part]:
    """Cut a transaction, from its end on, so that the first part is the smallest."""
    most = kv.capabilities.max_operations
    units: list[tuple[Operation, bool]] = [(put, True) for put in created]
    units += [(operation, False) for operation in operations]
    room = None if most is None else max(2, most - len(guards))
    starts = [0] if room is None else _starts(units, room)
    for start, end in zip(starts, [*starts[1:], len(units)], strict=True):
        yield _part(guards, units[start:end])


def _starts(units: Sequence[tuple[Operation, bool]], room: int) -> list[int]:
    starts: list[int] = []
    left = room
    for place in range(len(units) - 1, -1, -1):
        cost = 2 if units[place][1] else 1
        if cost > left:
            starts.append(place + 1)
            left = room
        left -= cost
    return [0, *reversed(starts)]


def _part(guards: Sequence[Compare], units: Sequence[tuple[Operation, bool]]) -> Part:
    names = [operation.key for operation, new in units if new]
    return [*guards, *map(absent, names)], [operation for operation, _ in units], names
