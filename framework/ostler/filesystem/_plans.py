"""What a call on many files comes to, found out with fsspec's rules before anything is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fsspec.spec import AbstractFileSystem

if TYPE_CHECKING:
    from ._system import OstFileSystem

__all__ = ["planned"]


def planned(
    system: OstFileSystem, call: str, step: str, *arguments: Any, **options: Any
) -> list[tuple[str, str]]:
    """Return the pairs of paths for which fsspec's method ``call`` would call ``step`` one by one.

    fsspec has the rules of what goes where (patterns, trees, directories that
    exist) within methods that do it at once. So that several can be done at
    the same time, and a move knows what it moved, those run on a stand-in.
    """
    pairs: list[tuple[str, str]] = []
    method: Callable[..., None] = getattr(AbstractFileSystem, call)
    method(_StandIn(system, step, pairs), *arguments, **options)
    return pairs


class _StandIn:
    """The file system, but for one method, whose calls are written down instead."""

    def __init__(self, system: OstFileSystem, step: str, pairs: list[tuple[str, str]]) -> None:
        self._system, self._step, self._pairs = system, step, pairs

    def __getattr__(self, name: str) -> Any:
        return self._note if name == self._step else getattr(self._system, name)

    def _note(self, source: str, target: str, **options: Any) -> None:
        self._pairs.append((source, target))
