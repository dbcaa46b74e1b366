from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from ostler.clock import SystemClock
from ostler.filesystem import OstFileSystem
from ostler.ost import ObjectStorage
from ostler_memory.driver import MemorySettings

from .drivers import CountingStorage


def _posix(folder: Path) -> dict[str, Any]:
    return {"storage": f"posix://{folder}/storage", "home": str(folder / "home")}


def _memory(folder: Path) -> dict[str, Any]:
    return {"storage": "memory", "home": str(folder / "home")}


STORAGES: dict[str, Callable[[Path], dict[str, Any]]] = {"posix": _posix, "memory": _memory}
"""The options of a file system on an empty storage of each type, by name."""


@pytest.fixture(params=STORAGES)
def options(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """The `storage_options` of an empty storage of each type."""
    return STORAGES[request.param](tmp_path)


@pytest.fixture
def posix(tmp_path: Path) -> dict[str, Any]:
    """The `storage_options` of an empty directory."""
    return _posix(tmp_path)


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Let fsspec forget the file systems of the test, which closes their storages."""
    yield
    OstFileSystem.clear_instance_cache()


@pytest.fixture
def fs(options: dict[str, Any]) -> OstFileSystem:
    """A file system, as users get it."""
    found = fsspec.filesystem("ost", **options)
    assert isinstance(found, OstFileSystem)
    return found


@pytest.fixture
def driver() -> CountingStorage:
    return CountingStorage(MemorySettings())


@pytest.fixture
def counted(driver: CountingStorage) -> Iterator[OstFileSystem]:
    """A file system whose requests `driver` counts."""
    with ObjectStorage(driver, clock=SystemClock()) as storage:
        yield OstFileSystem(storage)
