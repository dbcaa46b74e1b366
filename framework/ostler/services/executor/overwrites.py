"""What an unpacked archive overwrites."""

from __future__ import annotations

import tarfile
from collections.abc import Callable

from ostler.archives import Visit

__all__ = ["Overwrites"]

_SHOWN = 100
_DIRECTORY = "/"
_BEFORE = ""


class Overwrites:
    """The names below one directory, where each came from, and what was overwritten.

    :param listing: names that exist, each ended by a NUL, those of directories by ``/`` and NUL.
    """

    def __init__(self, listing: bytes) -> None:
        names = listing.decode(errors="surrogateescape").split("\0")
        self._origins = {
            name.rstrip("/"): _DIRECTORY if name.endswith("/") else _BEFORE
            for name in names
            if name
        }
        self._lines: list[str] = []
        self._count = 0

    def of(self, origin: str) -> Visit:
        """Return what is to be shown each member of an archive from ``origin``."""
        label = f"task {origin}" if origin else ""
        return lambda member: self._visit(member, label)

    def tell(self, log: Callable[[str], None]) -> None:
        """Say what was overwritten since the last call, the first hundred by name."""
        for line in self._lines:
            log(line)
        if self._count > len(self._lines):
            log(f"and {self._count - len(self._lines)} more")
        self._lines, self._count = [], 0

    def _visit(self, member: tarfile.TarInfo, label: str) -> None:
        name = member.name.rstrip("/")
        before = self._origins.get(name)
        kind = _DIRECTORY if member.isdir() else label
        self._origins[name] = kind
        if before is None or (before == kind == _DIRECTORY):
            return
        self._count += 1
        if len(self._lines) < _SHOWN:
            self._lines.append(_line(name, label, before))


def _line(name: str, label: str, before: str) -> str:
    what = {_BEFORE: "what was there", _DIRECTORY: "a directory"}.get(before, f"that of {before}")
    return f"{name}{f' from {label}' if label else ''} overwrites {what}"
