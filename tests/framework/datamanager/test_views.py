"""Reading a snapshot: what is newer than the manifest hides what its files say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ostler.datamanager import Datamanager, Delete, Put
from ostler.datamanager.cache import FileCache
from ostler.datamanager.compaction import TypeFiles
from ostler.datamanager.views import Files, is_missing, scan_snapshot
from ostler.errors import Internal

from .database_support import World


@pytest.fixture
def database(world: World) -> Datamanager:
    """With files and with changes since."""
    database = world.opened()
    database.commit([Put("one", name, b"old") for name in ("a", "b", "ba", "c", "é")])
    database.checkpoint()
    database.commit([Put("one", "b", b"new"), Delete("one", "c"), Put("one", "bb", b"new")])
    database.commit([Delete("one", "nobody"), Put("two", "x", b"")])
    return database


@pytest.fixture
def files(world: World) -> Files:
    return Files(world.ost, FileCache(1 << 20))


ALL = {"a": b"old", "b": b"new", "ba": b"old", "bb": b"new", "é": b"old"}


def test_entries_come_in_order_as_the_newest_change_left_them(
    database: Datamanager, files: Files
) -> None:
    assert list(scan_snapshot(database.snapshot(), "one", files)) == list(ALL.items())
    assert list(scan_snapshot(database.snapshot(), "two", files)) == [("x", b"")]


def test_a_type_that_nobody_wrote_is_empty(world: World, files: Files) -> None:
    assert list(scan_snapshot(world.opened().snapshot(), "one", files)) == []


@pytest.mark.parametrize(
    ("prefix", "after", "expected"),
    [
        ("b", "", ["b", "ba", "bb"]),
        ("ba", "", ["ba"]),
        ("z", "", []),
        ("", "b", ["ba", "bb", "é"]),
        ("", "aa", ["b", "ba", "bb", "é"]),
        ("b", "ba", ["bb"]),
        ("b", "c", []),
        ("", "é", []),
    ],
)
def test_a_part_of_them(
    database: Datamanager, files: Files, prefix: str, after: str, expected: list[str]
) -> None:
    found = scan_snapshot(database.snapshot(), "one", files, prefix=prefix, start_after=after)
    assert [name for name, _data in found] == expected


def test_what_comes_later_is_not_seen(database: Datamanager, files: Files) -> None:
    snapshot = database.snapshot()
    scanning = scan_snapshot(snapshot, "one", files)
    assert next(scanning) == ("a", b"old")
    database.commit([Delete("one", name) for name in ALL])
    database.checkpoint()
    assert list(scanning) == list(ALL.items())[1:]
    assert list(scan_snapshot(snapshot, "one", files)) == list(ALL.items())
    assert list(scan_snapshot(database.snapshot(), "one", files)) == []


def test_an_entry_is_found_in_the_files(database: Datamanager, files: Files) -> None:
    stored = database.snapshot().manifest.types["one"]
    assert [files.get(stored, name) for name in ("a", "b", "aa")] == [b"old", b"old", None]
    assert files.get(None, "a") is None
    assert files.get(TypeFiles(), "a") is None


def test_a_file_is_opened_once(database: Datamanager, files: Files, world: World) -> None:
    (info, *_others) = database.snapshot().manifest.files().values()
    world.driver.calls.clear()
    assert files.open(info) is files.open(info)
    assert world.driver.calls == []


def test_readers_are_forgotten_when_they_are_many(
    database: Datamanager, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ostler.datamanager.views._READERS", 2)
    (info, *_others) = database.snapshot().manifest.files().values()
    first = files.open(info)
    for number in range(3):
        files.open(replace(info, key=f"{number}"))
    assert len(files._readers) <= 2
    assert files.open(info) is not first
    assert files.open(info).get("a") == (True, b"old")


def test_a_missing_file_is_told_from_a_damaged_one(
    database: Datamanager, files: Files, world: World
) -> None:
    (info, *_others) = database.snapshot().manifest.files().values()
    world.ost.put(info.key, b"damaged")
    told = []
    for _ in range(2):
        with pytest.raises(Internal) as caught:
            files.get(database.snapshot().manifest.types["one"], "a")
        told.append(is_missing(caught.value))
        world.ost.delete(info.key)
    assert told == [False, True]
