"""Reading a snapshot: what is newer than the manifest from memory, the rest from its files."""

from __future__ import annotations

from collections.abc import Iterator

from ostler.errors import Internal
from ostler.ost import ObjectStorage

from .cache import FileCache
from .compaction import TypeFiles, look_up, scan
from .files import FileInfo, FileReader
from .state import Snapshot

__all__ = ["Files", "is_missing", "scan_snapshot"]

_NONE = TypeFiles()
_READERS = 4096


class Files:
    """Opens data files, and keeps what was read of them in one cache."""

    def __init__(self, ost: ObjectStorage, cache: FileCache) -> None:
        self._ost, self._cache = ost, cache
        self._readers: dict[str, FileReader] = {}

    def open(self, info: FileInfo) -> FileReader:
        """Return the reader of a file, the same one each time; nothing is read yet."""
        reader = self._readers.get(info.key)
        if reader is None:
            if len(self._readers) >= _READERS:
                self._readers.clear()
            reader = self._readers[info.key] = FileReader(self._ost, info, self._cache)
        return reader

    def get(self, files: TypeFiles | None, id: str) -> bytes | None:
        """Return an entry as the files have it; None: there is none."""
        return None if files is None else look_up(files, id, self.open)


def scan_snapshot(
    snapshot: Snapshot, type: str, files: Files, *, prefix: str = "", start_after: str = ""
) -> Iterator[tuple[str, bytes]]:
    """Yield the entries of a type in the order of their ids."""
    changed = snapshot.changes.get(type, {})
    newer = sorted((name, item[1]) for name, item in changed.items())
    stored = snapshot.manifest.types.get(type, _NONE)
    yield from scan(stored, files.open, prefix=prefix, start_after=start_after, newer=[newer])


def is_missing(error: Internal) -> bool:
    """Whether a file of a manifest was not there: a newer manifest may have replaced it."""
    return error.code == "missing"
