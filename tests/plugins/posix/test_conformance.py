from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from ostler.spi.storage import StorageDriver
from ostler.testing.storage import StorageConformance
from ostler_posix.drafts import RESERVED
from ostler_posix.driver import PosixStorage
from ostler_posix.flat import PosixFlatStorage


class TestPosix(StorageConformance):
    @pytest.fixture
    def driver(self, posix: PosixStorage, root: Path) -> StorageDriver:
        self.root = root
        return posix

    def leftovers(self, driver: StorageDriver) -> Sequence[str]:
        return _drafts(self.root) + _empty_directories(self.root)


class TestPosixFlat(StorageConformance):
    @pytest.fixture
    def driver(self, flat: PosixFlatStorage, root: Path) -> StorageDriver:
        self.root = root
        return flat

    def leftovers(self, driver: StorageDriver) -> Sequence[str]:
        return _drafts(self.root) + _empty_directories(self.root / "objects")


def _drafts(root: Path) -> list[str]:
    return [str(path) for path in (root / RESERVED).rglob("*") if path.is_file()]


def _empty_directories(root: Path) -> list[str]:
    found = os.walk(root)
    return [
        path
        for path, directories, files in found
        if not (directories or files or RESERVED in path or path == str(root))
    ]
