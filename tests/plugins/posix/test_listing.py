from __future__ import annotations

import io
import os
import threading
import tracemalloc
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

import pytest

from ostler.spi.storage import StorageDriver
from ostler_posix import listing
from ostler_posix.driver import PosixStorage
from ostler_posix.listing import is_occupied, walk
from ostler_posix.settings import PosixSettings

MEBIBYTE = 1 << 20


def peak_of(items: Iterator[object]) -> tuple[int, int]:
    """Return how many items there are, and how many bytes were in use at most to count them."""
    tracemalloc.start()
    try:
        count = sum(1 for _item in items)
        return count, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def fill(folder: Path, count: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    for number in range(count):
        name = f"{number * 7919 % count:06}"
        os.close(os.open(name, os.O_CREAT | os.O_WRONLY, dir_fd=descriptor))
    os.close(descriptor)


def keys(base: Path, prefix: str = "", start_after: str = "") -> list[str]:
    return [top + name for top, names in walk(f"{base}/", prefix, start_after) for name in names]


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_WINDOW", 10)
    monkeypatch.setattr(listing, "_BATCH", 3)
    monkeypatch.setattr(listing, "_RUN", 4)


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 19, 20, 21, 22, 45, 100])
def test_windows_are_put_together_without_a_gap(
    root: Path, small_windows: None, count: int
) -> None:
    fill(root, count)
    expected = [f"{number:06}" for number in range(count)]
    assert keys(root) == expected
    for start in ("", "0", "000003", "0000030", "000099"):
        assert keys(root, start_after=start) == [key for key in expected if key > start]
        assert keys(root, "00000", start) == [key for key in expected[:10] if key > start]


def test_windows_with_directories_in_them(root: Path, small_windows: None) -> None:
    fill(root, 40)
    for number in range(0, 40, 3):
        fill(root / f"{number:06}-" / "below", 15)
    found = keys(root)
    assert len(found) == 40 + 14 * 15
    assert found == sorted(found)


def test_links_devices_and_strange_names_are_not_shown(root: Path) -> None:
    fill(root / "folder", 2)
    (root / "link").symlink_to(root / "folder/000000")
    (root / "loop").symlink_to(root)
    os.mkfifo(root / "pipe")
    (root / "line\nbreak").touch()
    (root / os.fsdecode(b"latin-\xe9")).touch()
    (root / "bell\x07").mkdir()
    assert keys(root) == ["folder/000000", "folder/000001"]


def test_an_empty_directory_is_not_occupied(root: Path) -> None:
    (root / "a/b/c").mkdir(parents=True)
    (root / "a/link").symlink_to("b")
    assert is_occupied(str(root)) is False
    (root / "a/b/c/d").touch()
    assert is_occupied(str(root)) is True


@pytest.fixture(scope="module")
def large(large_root: Path) -> Path:
    """A storage with 100,000 keys in many directories, and as many in one."""
    for number in range(10):
        fill(large_root / f"few/{number}", 100)
    for number in range(200):
        fill(large_root / f"many/{number:03}", 500)
    fill(large_root / "small", 1_000)
    fill(large_root / "one", 100_000)
    return large_root


def test_a_listing_of_many_directories_takes_no_more_memory(large: Path) -> None:
    driver = PosixStorage(PosixSettings(path=str(large)))
    few, some = peak_of(driver.list("few/", "", ""))
    many, most = peak_of(driver.list("many/", "", ""))
    driver.close()
    assert (few, many) == (1_000, 100_000)
    assert most < some + MEBIBYTE


def test_a_listing_of_one_large_directory_takes_bounded_memory(large: Path) -> None:
    driver = PosixStorage(PosixSettings(path=str(large)))
    small, some = peak_of(driver.list("small/", "", ""))
    many, most = peak_of(driver.list("one/", "", ""))
    driver.close()
    assert (small, many) == (1_000, 100_000)
    assert most < some + 4 * MEBIBYTE


def test_a_start_does_not_walk_what_comes_before(
    posix: StorageDriver, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        fill(root / f"{number:02}" / "deep", 3)
    seen: list[str] = []
    real = os.scandir

    def scandir(path: str) -> Iterator[os.DirEntry[str]]:
        seen.append(os.path.relpath(path, root))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    first = next(posix.list("", "17/deep/000001", ""))
    assert getattr(first, "key", "") == "17/deep/000002"
    assert list(dict.fromkeys(seen)) == [".", "17", "17/deep"]
    seen.clear()
    assert len(list(islice(posix.list("", "17/deep/000001", "/"), 2))) == 2
    assert "16" not in seen


def test_names_that_are_replaced_while_they_are_read_are_not_lost(large_root: Path) -> None:
    """On tmpfs a directory that takes several calls to be read loses such names."""
    driver = PosixStorage(PosixSettings(path=str(large_root)))
    fill(large_root / "hot", 2_000)
    done = threading.Event()

    def replace(first: int) -> None:
        for number in cycle(range(first, 2_000, 7)):
            if done.is_set():
                return
            source = io.BytesIO(b"x")
            driver.put(f"hot/{number:06}", source, size=1, persist=False, if_absent=False)

    writers = [threading.Thread(target=replace, args=(first,)) for first in range(3)]
    for writer in writers:
        writer.start()
    try:
        for _listing in range(30):
            found = [getattr(item, "key", "") for item in driver.list("hot/", "", "")]
            assert found == [f"hot/{number:06}" for number in range(2_000)]
    finally:
        done.set()
        for writer in writers:
            writer.join()
        driver.close()
