"""`ostler storage ls`, `cat` and `stat`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ostler.cli._exit import Exit

if TYPE_CHECKING:
    from .conftest import Storage


def test_ls_shows_one_level_of_everything(storage: Storage) -> None:
    storage.fill("b", "a/1", "a/2", "c/d/e")
    assert storage("ls").out == "a/\nb\nc/\n"
    assert storage("ls", "-r").out == "a/1\na/2\nb\nc/d/e\n"


@pytest.mark.parametrize("place", ["a", "a/"])
def test_ls_shows_what_is_below(storage: Storage, place: str) -> None:
    storage.fill("a/1", "a/b/2", "ab")
    assert storage("ls", place).out == "a/1\na/b/\n"


def test_ls_shows_an_object_and_places_one_after_the_other(storage: Storage) -> None:
    storage.fill("a/1", "b", "c")
    storage.fill("x", place="other")
    assert storage("ls", "b", "a", storage.url("other")).out == "b\na/1\nx\n"


def test_ls_of_nothing(storage: Storage) -> None:
    assert storage("ls").out == ""
    assert storage.json("ls") == {"objects": [], "after": ""}
    missing = storage("ls", "nothing", code=Exit.USAGE)
    assert "no object 'nothing', and none below it" in missing.err


def test_ls_long(storage: Storage) -> None:
    storage.fill("a/1", "b", data="x" * 2000)
    prefix, line = storage("ls", "-l").out.splitlines()
    assert prefix.split() == ["a/"]
    size, time, key = line.split()
    assert (size, len(time), time[-1], key) == ("2000", 20, "Z", "b")
    assert line.index("b") == prefix.index("a/")
    assert storage("ls", "-l", "-H", "b").out.split()[:2] == ["2.0", "KiB"]


def test_ls_as_json_and_in_pages(storage: Storage) -> None:
    storage.fill("a/1", "b", "c")
    page = storage.json("ls", "--limit", "2")
    prefix, described = page["objects"]
    assert (prefix, page["after"]) == ({"prefix": "a/"}, "b")
    assert set(described) == {"key", "size", "modified", "etag"}
    rest = storage.json("ls", "--limit", "2", "--start-after", page["after"])
    assert ([item["key"] for item in rest["objects"]], rest["after"]) == (["c"], "")
    assert "--start-after b" in storage("ls", "-n", "2").err
    assert storage("ls", "--start-after", "c").out == ""
    assert storage("ls", "a", "b", "--start-after", "a", code=Exit.USAGE).out == ""


def test_ls_summary(storage: Storage) -> None:
    storage.fill("a/1", "b", "c")
    assert storage("ls", "--summary").out.splitlines()[-1] == "2 objects, 1 below, 10 bytes"
    told = storage.json("ls", "-r", "--summary")["summary"]
    assert told == {"objects": 3, "prefixes": 0, "bytes": 15}


def test_cat_writes_bytes(storage: Storage) -> None:
    storage.fill("a", "b")
    assert storage("cat", "a", "b").out == "1234512345"
    assert storage("cat", "a", "--start", "1", "--end", "3").out == "23"
    assert storage("cat", "a", "--start", "5").out == ""
    assert storage("cat", "a", "b", "--start", "1", code=Exit.USAGE).out == ""
    assert "there is no object" in storage("cat", "nothing", code=Exit.USAGE).err
    assert storage("cat", "a/", code=Exit.USAGE).out == ""


def test_cat_goes_on_only_with_the_same_version(storage: Storage) -> None:
    storage.fill("a")
    (found,) = storage.json("stat", "a")["objects"]
    rest = ["cat", "a", "--start", "3", "--if-etag", found["etag"]]
    assert storage(*rest).out == "45"
    storage.fill("a", data="changed")
    assert "another version" in storage(*rest, code=Exit.USAGE).err


def test_stat(storage: Storage) -> None:
    storage.fill("a")
    storage.fill("b", place="other")
    found = storage.json("stat", "a", storage.url("other", "b"))["objects"]
    assert [(item["key"], item["size"], item["storage"]) for item in found] == [
        ("a", 5, "posix"),
        ("b", 5, "posix"),
    ]
    assert storage("stat", "a").out.split()[:5] == ["KEY", "SIZE", "MODIFIED", "ETAG", "STORAGE"]


def test_stat_tells_what_is_missing_and_the_rest(storage: Storage) -> None:
    storage.fill("a")
    done = storage("stat", "nothing", "a", "--json", code=Exit.USAGE)
    assert '"key": "a"' in done.out
    assert done.err == "error: there is no object 'nothing'\n"
