"""Single operations of the posix storage, each beside the bare system calls."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from ostler.clock import SystemClock
from ostler.ost import ObjectStorage
from ostler_posix.driver import PosixStorage
from ostler_posix.flat import PosixFlatStorage
from ostler_posix.settings import PosixSettings

from .posix_peers import Bare, walk_and_stat

DATA = os.urandom(4096)
LISTED = 2000


@pytest.fixture(params=["tmpfs", "disk"])
def base(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "disk":
        yield str(tmp_path)
        return
    if not os.access("/dev/shm", os.W_OK):
        pytest.skip("no tmpfs at /dev/shm")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as path:
        yield path


@pytest.fixture(params=[PosixStorage, PosixFlatStorage])
def storage(request: pytest.FixtureRequest, base: str) -> Iterator[ObjectStorage]:
    driver = request.param(PosixSettings(path=f"{base}/ours"))
    with ObjectStorage(driver, clock=SystemClock()) as storage:
        yield storage


@pytest.fixture
def bare(base: str) -> Bare:
    return Bare(f"{base}/peer")


@pytest.mark.parametrize("persist", [False, True], ids=["volatile", "durable"])
def test_put(benchmark: BenchmarkFixture, storage: ObjectStorage, persist: bool) -> None:
    names = itertools.count()
    benchmark(lambda: storage.put(f"k/{next(names)}", DATA, persist=persist))


@pytest.mark.parametrize("persist", [False, True], ids=["volatile", "durable"])
def test_put_bare(benchmark: BenchmarkFixture, bare: Bare, persist: bool) -> None:
    names = itertools.count()
    put = bare.put_durably if persist else bare.put
    benchmark(lambda: put(str(next(names)), DATA))


def test_get(benchmark: BenchmarkFixture, storage: ObjectStorage) -> None:
    storage.put("k/key", DATA, persist=False)
    assert benchmark(lambda: storage.read("k/key")) == DATA


def test_get_bare(benchmark: BenchmarkFixture, bare: Bare) -> None:
    bare.put("key", DATA)
    assert benchmark(lambda: bare.read("key")) == DATA


def test_list(benchmark: BenchmarkFixture, storage: ObjectStorage) -> None:
    fill(storage)
    assert benchmark(lambda: sum(1 for _info in storage.list("k/"))) == LISTED


def test_list_first_100(benchmark: BenchmarkFixture, storage: ObjectStorage) -> None:
    fill(storage)
    assert benchmark(lambda: sum(1 for _info in islice(storage.list("k/"), 100))) == 100


def test_list_bare(benchmark: BenchmarkFixture, base: str) -> None:
    for number in range(LISTED):
        folder = Path(base, "k", f"{number // 100:03}")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:05}").touch()
    assert benchmark(lambda: walk_and_stat(f"{base}/k")) == LISTED


def fill(storage: ObjectStorage) -> None:
    for number in range(LISTED):
        storage.put(f"k/{number // 100:03}/{number:05}", b"x", persist=False)
