"""What each operation costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from ostler.filesystem import OstFileSystem

from .drivers import CountingStorage


@pytest.fixture(autouse=True)
def stored(counted: OstFileSystem, driver: CountingStorage) -> None:
    for key in ("d/a", "d/b", "d/sub/c", "d/sub/deep/e", "other"):
        counted.pipe_file(key, key.encode())
    driver.taken()


@pytest.mark.parametrize(
    ("call", "requests"),
    [
        (lambda fs: fs.cat_file("d/a"), "get"),
        (lambda fs: fs.cat_file("d/a", 1, 2), "get"),
        (lambda fs: fs.cat_file("d/a", -2), "stat get"),
        (lambda fs: fs.pipe_file("new", b"x"), "put"),
        (lambda fs: fs.pipe_file("new", b"x", mode="create"), "put"),
        (lambda fs: fs.touch("new"), "put"),
        (lambda fs: fs.open("new", "wb").close(), "put"),
        (lambda fs: fs.open("new", "xb").close(), "stat put"),
        (lambda fs: fs.info("d/a"), "stat"),
        (lambda fs: fs.info("d"), "stat list"),
        (lambda fs: fs.exists("d/a"), "stat"),
        (lambda fs: fs.exists("d"), "stat list"),
        (lambda fs: fs.exists("nothing"), "stat list"),
        (lambda fs: fs.exists(""), ""),
        (lambda fs: fs.isfile("d"), "stat"),
        (lambda fs: fs.isdir("d/a"), "list"),
        (lambda fs: fs.size("d/a"), "stat"),
        (lambda fs: fs.ls("d"), "list"),
        (lambda fs: fs.ls("d/a"), "list stat"),
        (lambda fs: fs.find("d"), "list"),
        (lambda fs: fs.find("d", withdirs=True), "list"),
        (lambda fs: fs.du("d"), "list"),
        (lambda fs: fs.glob("d/*"), "list"),
        (lambda fs: fs.glob("d/**"), "list"),
        (lambda fs: fs.glob("d/**/c"), "list"),
        (lambda fs: fs.find("d", maxdepth=2), "list list"),
        (lambda fs: fs.cp_file("d/a", "x"), "get put"),
        (lambda fs: fs.rm_file("d/a"), "stat delete_many"),
        (lambda fs: fs.modified("d/a"), "stat"),
        (lambda fs: fs.ukey("d/a"), "stat"),
        (lambda fs: fs.open("d/a").read(), "stat get"),
        (lambda fs: fs.open("d/a", size=3).read(), "get"),
        (lambda fs: fs.mkdir("new/dir"), ""),
        (lambda fs: fs.makedirs("new/dir"), ""),
    ],
)
def test_requests(
    call: Callable[[OstFileSystem], Any],
    requests: str,
    counted: OstFileSystem,
    driver: CountingStorage,
) -> None:
    call(counted)
    assert driver.taken() == requests.split()


def test_a_small_file_is_one_put(counted: OstFileSystem, driver: CountingStorage) -> None:
    with counted.open("new", "wb") as file:
        file.write(b"one")
        file.write(b"two")
        assert driver.taken() == []
    assert driver.taken() == ["put"]


def test_a_large_file_is_one_put(counted: OstFileSystem, driver: CountingStorage) -> None:
    with counted.open("new", "wb", block_size=10) as file:
        for _ in range(100):
            file.write(b"1234567")
    assert driver.taken() == ["put"]
    assert counted.cat_file("new") == b"1234567" * 100


def test_a_pattern_lists_only_what_begins_like_it(
    counted: OstFileSystem, driver: CountingStorage
) -> None:
    for number in range(20):
        counted.pipe_file(f"logs/b-{number}/x", b"")
    counted.pipe_file("logs/a-1/x", b"")
    driver.taken()
    assert counted.glob("logs/a-*/x") == ["logs/a-1/x"]
    assert driver.taken() == ["list", "list"]


def test_removing_a_tree_is_one_bulk_call(counted: OstFileSystem, driver: CountingStorage) -> None:
    counted.rm("d", recursive=True)
    assert Counter(driver.taken())["delete_many"] == 1
    assert counted.find("") == ["other"]
