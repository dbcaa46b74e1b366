from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ostler.services.executor.pods import remove_orphans
from ostler.spi.executor import PodInfo


@dataclass
class _Pod:
    info: PodInfo
    removed: list[str]

    def remove(self) -> None:
        self.removed.append(self.info.id)


@dataclass
class _Group:
    """A driver whose group has pods of several executors, not all of them alive."""

    pods_of: dict[str, str]
    alive: list[str]
    removed: list[str] = field(default_factory=list)

    def executors(self) -> list[str]:
        return self.alive

    def pods(self, *, all: bool) -> list[_Pod]:
        assert all
        return [
            _Pod(PodInfo(id=name, executor_id=owner, task_id=name), self.removed)
            for name, owner in self.pods_of.items()
        ]


def removed(**options: Any) -> list[str]:
    pods = {"mine": "me", "forgotten": "me", "theirs": "sibling", "left": "dead"}
    group = _Group(pods, **options)
    remove_orphans(group, "me", {"mine"})  # type: ignore[arg-type]
    return group.removed


def test_own_pods_without_a_task_and_those_of_the_dead_are_removed() -> None:
    assert removed(alive=["me", "sibling"]) == ["forgotten", "left"]


def test_living_siblings_keep_theirs() -> None:
    assert removed(alive=["me", "sibling", "dead"]) == ["forgotten"]
