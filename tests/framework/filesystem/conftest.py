from __future__ import annotations

import importlib.util
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from ostler.clock import SystemClock
from ostler.filesystem import OstFileSystem
from ostler.ost import ObjectStorage
from ostler_memory.driver import MemorySettings

from ...s3_servers import S3Server
from ...support import require
from .drivers import CountingStorage

Options = dict[str, Any]
"""The `storage_options` of a file system."""


def _posix(request: pytest.FixtureRequest, folder: Path) -> Options:
    return {"storage": f"posix://{folder}/storage", "home": str(folder / "home")}


def _memory(request: pytest.FixtureRequest, folder: Path) -> Options:
    return {"storage": "memory", "home": str(folder / "home")}


def _s3(request: pytest.FixtureRequest, folder: Path) -> Options:
    """A bucket of its own: moto goes through all the keys of one for a listing. What it can do is told."""
    url: Callable[[], str] = request.getfixturevalue("s3_url")
    return {"storage": url(), "home": str(folder / "home")}


@pytest.fixture(scope="session")
def s3_url(moto: S3Server) -> Callable[[], str]:
    if importlib.util.find_spec("ostler_s3") is None:
        require("s3", "the plugin `ostler-s3` is not installed")
    login = f"{moto.access_key}:{moto.secret_key}"
    known = "exclusive_put=true&ordered_list=true&stale_upload_age=0"

    def make() -> str:
        bucket = moto.make_bucket(f"ostler-{uuid.uuid4().hex}")
        return f"s3://{login}@{bucket}/prefix?endpoint_url={moto.endpoint_url}&{known}"

    return make


STORAGES: dict[str, Callable[[pytest.FixtureRequest, Path], Options]] = {
    "posix": _posix,
    "memory": _memory,
    "s3": _s3,
}
"""The options of a file system on an empty storage of each type, by name."""


@pytest.fixture(params=STORAGES)
def options(request: pytest.FixtureRequest, tmp_path: Path) -> Options:
    """The `storage_options` of an empty storage of each type."""
    return STORAGES[request.param](request, tmp_path)


@pytest.fixture
def posix(request: pytest.FixtureRequest, tmp_path: Path) -> Options:
    """The `storage_options` of an empty directory."""
    return _posix(request, tmp_path)


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Let fsspec forget the file systems of the test, which closes their storages."""
    yield
    OstFileSystem.clear_instance_cache()


@pytest.fixture
def fs(options: Options) -> OstFileSystem:
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
