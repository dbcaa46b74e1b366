"""Moving, which is copying and then removing exactly what was copied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fsspec.spec import AbstractFileSystem

if TYPE_CHECKING:
    from ._system import OstFileSystem

__all__ = ["copied_pairs"]


def copied_pairs(
    system: OstFileSystem, path1: Any, path2: Any, *, recursive: bool, maxdepth: int | None
) -> list[tuple[str, str]]:
    """Copy as fsspec does, and return what was copied whereto.

    Its own move removes what the first path names once more: what has come
    there meanwhile, and what was copied onto itself.
    """
    recorder = _Recorder(system)
    AbstractFileSystem.copy(
        recorder, path1, path2, recursive=recursive, maxdepth=maxdepth, on_error="raise"
    )
    return recorder.pairs


class _Recorder:
    """The file system, for fsspec's `copy`; remembers every file that is copied."""

    def __init__(self, system: OstFileSystem) -> None:
        self._system = system
        self.pairs: list[tuple[str, str]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._system, name)

    def cp_file(self, path1: str, path2: str, **kwargs: Any) -> None:
        self._system.cp_file(path1, path2, **kwargs)
        strip = self._system._strip_protocol
        self.pairs.append((strip(path1), strip(path2)))
