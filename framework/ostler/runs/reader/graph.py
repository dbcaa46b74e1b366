"""Tasks and their parents as a graph. Nothing recurses: a chain may be of any length."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Parents", "cycles", "levels"]

Parents = Mapping[str, Sequence[str]]
"""The names of each task's parents; every name is a key."""


def cycles(parents: Parents) -> list[list[str]]:
    """Return cycles, each as names from a task over its parents back to itself.

    Enough of them that every task which is part of a cycle is named or
    hangs together with one that is.
    """
    found: list[list[str]] = []
    done: set[str] = set()
    for name in parents:
        if name not in done:
            found.extend(_walk(name, parents, done))
    return found


def _walk(start: str, parents: Parents, done: set[str]) -> Iterator[list[str]]:
    trail = {start: 0}
    ahead = [iter(parents[start])]
    named: set[str] = set()
    while ahead:
        parent = next(ahead[-1], None)
        if parent is None:
            ahead.pop()
            done.add(trail.popitem()[0])
        elif parent in trail:
            last = next(reversed(trail))
            if not {parent, last} <= named:
                cycle = list(trail)[trail[parent] :]
                named.update(cycle)
                yield [*cycle, parent]
        elif parent not in done:
            trail[parent] = len(trail)
            ahead.append(iter(parents[parent]))


def levels(parents: Parents) -> dict[str, int]:
    """Return each task's level: 0 without parents, else one more than its highest parent.

    There must be no cycle.
    """
    level = dict.fromkeys(parents, 0)
    children: dict[str, list[str]] = {name: [] for name in parents}
    waiting = {name: len(own) for name, own in parents.items()}
    for name, own in parents.items():
        for parent in own:
            children[parent].append(name)
    ready = [name for name, count in waiting.items() if not count]
    for name in ready:
        for child in children[name]:
            level[child] = max(level[child], level[name] + 1)
            waiting[child] -= 1
            if not waiting[child]:
                ready.append(child)
    return level
