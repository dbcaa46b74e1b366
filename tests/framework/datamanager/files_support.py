"""Storages, and data files on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count
from pathlib import Path

from ostler.clock import SystemClock
from ostler.datamanager.blocks import Entry
from ostler.datamanager.compaction import CompactionOptions, TypeFiles, compact, look_up, scan
from ostler.datamanager.files import FileCache, FileInfo, FileReader, write_files
from ostler.ost import ObjectStorage
from ostler_memory.driver import MemorySettings, MemoryStorage
from ostler_posix.driver import PosixStorage
from ostler_posix.settings import PosixSettings


def memory_storage() -> ObjectStorage:
    return ObjectStorage(MemoryStorage(MemorySettings()), clock=SystemClock())


def posix_storage(path: Path) -> ObjectStorage:
    return ObjectStorage(PosixStorage(PosixSettings(path=str(path))), clock=SystemClock())


class Files:
    """Writes, reads and compacts on one storage, with one cache and ids that count."""

    def __init__(self, storage: ObjectStorage | None = None, cache: int = 1 << 20) -> None:
        self.storage = storage or memory_storage()
        self.cache = FileCache(cache)
        self._ids = count()

    def new_id(self) -> str:
        return f"{next(self._ids):08}"

    def write(
        self, entries: Iterable[Entry], limit: int = 10 << 20, block_size: int = 16 << 10
    ) -> list[FileInfo]:
        return list(
            write_files(
                self.storage,
                "kind",
                entries,
                limit=limit,
                new_id=self.new_id,
                block_size=block_size,
            )
        )

    def open(self, info: FileInfo) -> FileReader:
        return FileReader(self.storage, info, self.cache)

    def fresh(self, info: FileInfo) -> FileReader:
        """Return a reader that knows nothing yet."""
        return FileReader(self.storage, info, FileCache(0))

    def compact(
        self, files: TypeFiles, changes: Sequence[Entry], options: CompactionOptions
    ) -> TypeFiles:
        return compact(
            self.storage,
            "kind",
            files,
            changes,
            options=options,
            cache=self.cache,
            new_id=self.new_id,
        )

    def everything(self, files: TypeFiles) -> list[tuple[str, bytes]]:
        return list(scan(files, self.open))

    def look_up(self, files: TypeFiles, id: str) -> bytes | None:
        return look_up(files, id, self.open)
