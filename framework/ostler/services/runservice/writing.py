"""Transactions that may be larger than the store takes at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ostler.kv import KeyValueStore, absent
from ostler.spi.kv import Compare, Delete, Operation, Put

from .values import at_revision

__all__ = ["write"]

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
        result = kv.txn(compares, part)
        if not result.succeeded:
            for at, name in done:
                kv.txn([at_revision(name, at)], [Delete(name)])
            return None
        revision = result.revision
        done += [(revision, name) for name in names]
    return revision


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
