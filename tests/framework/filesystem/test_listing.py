from __future__ import annotations

import errno
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostler.clock import SystemClock
from ostler.errors import Forbidden, Unavailable
from ostler.filesystem import OstFileSystem
from ostler.ost import ObjectStorage
from ostler.retry import RetryPolicy
from ostler_memory.driver import MemorySettings, MemoryStorage

from ..ost_support import TestClock
from .drivers import BrokenStorage

AWKWARD = [
    "q?versionId=1",
    "a#b",
    "100%",
    "50%25",
    "star*",
    "[x]",
    "sp ace",
    "ünï/cødé",
    "a;b&c=d",
    "~",
]


def test_what_is_listed_has_name_size_type_time_and_etag(fs: OstFileSystem) -> None:
    fs.pipe_file("d/a", b"abc")
    fs.pipe_file("d/sub/b", b"")
    listed = fs.ls("d")
    assert [(each["name"], each["size"], each["type"]) for each in listed] == [
        ("d/a", 3, "file"),
        ("d/sub", 0, "directory"),
    ]
    assert listed[0] == fs.info("d/a")
    assert fs.ls("ost://d/", detail=False) == ["d/a", "d/sub"]
    assert fs.ls("d/a") == [fs.info("d/a")]
    assert fs.info("d/sub/") == {"name": "d/sub", "size": 0, "type": "directory"}


def test_an_empty_storage_is_an_empty_directory(fs: OstFileSystem) -> None:
    assert fs.ls("") == fs.find("") == fs.glob("*") == []
    assert fs.isdir("ost://")
    assert not fs.isfile("")


def test_listings_are_never_stale(fs: OstFileSystem) -> None:
    other = OstFileSystem(fs.object_storage)
    assert not fs.exists("d")
    other.pipe_file("d/a", b"1")
    assert fs.ls("d", detail=False) == ["d/a"]
    other.pipe_file("d/b", b"1")
    assert fs.ls("d", detail=False) == ["d/a", "d/b"]
    other.rm("d", recursive=True)
    assert not fs.exists("d")
    with pytest.raises(FileNotFoundError):
        fs.ls("d")


@pytest.mark.parametrize("name", AWKWARD)
def test_any_key_survives(fs: OstFileSystem, name: str) -> None:
    data = name.encode()
    with fs.open(f"ost://dir/{name}", "wb") as file:
        file.write(data)
    assert fs.find("dir") == [f"dir/{name}"]
    assert fs.cat_file(f"dir/{name}") == data
    with fs.open(f"dir/{name}") as file:
        assert file.read() == data
    assert [each["name"] for each in fs.find("", detail=True).values()] == [f"dir/{name}"]
    fs.cp_file(f"dir/{name}", f"copy/{name}")
    fs.rm_file(f"dir/{name}")
    assert fs.find("") == [f"copy/{name}"]


@pytest.mark.parametrize("path", ["ost::key", "ost://ost::key"])
def test_a_key_may_begin_as_a_url_does(fs: OstFileSystem, path: str) -> None:
    fs.pipe_file(path, b"1")
    assert fs.find("") == ["ost::key"]
    assert fs.cat("ost://*") == {"ost::key": b"1"}


def test_a_name_that_another_begins_with_is_no_directory(fs: OstFileSystem) -> None:
    fs.pipe_file("part-1", b"")
    fs.pipe_file("part-10/x", b"")
    assert not fs.isdir("part-1")
    assert fs.find("part-1") == ["part-1"]
    assert fs.find("part") == []
    assert not fs.exists("part")


def test_a_path_may_be_object_and_directory_in_a_flat_storage() -> None:
    with ObjectStorage(MemoryStorage(MemorySettings()), clock=SystemClock()) as storage:
        fs = OstFileSystem(storage)
        fs.pipe_file("d", b"1")
        fs.pipe_file("d/a", b"2")
        assert fs.info("d")["type"] == "file"
        assert fs.isfile("d")
        assert fs.isdir("d")
        assert fs.ls("d", detail=False) == ["d/a"]
        fs.rm("d", recursive=True)
        assert fs.find("") == []


def test_find(fs: OstFileSystem) -> None:
    for key in ("a/b/c/d", "a/b/e", "a/f", "g"):
        fs.pipe_file(key, b"12")
    assert fs.find("") == ["a/b/c/d", "a/b/e", "a/f", "g"]
    assert fs.find("", withdirs=True) == ["a", "a/b", "a/b/c", "a/b/c/d", "a/b/e", "a/f", "g"]
    assert fs.find("a", withdirs=True) == ["a", "a/b", "a/b/c", "a/b/c/d", "a/b/e", "a/f"]
    assert fs.find("a", maxdepth=1, withdirs=True) == ["a", "a/b", "a/f"]
    assert fs.find("a", maxdepth=2) == ["a/b/e", "a/f"]
    assert fs.find("a", prefix="b") == ["a/b/c/d", "a/b/e"]
    assert fs.find("g") == ["g"]
    assert fs.find("missing") == []
    assert fs.du("a") == 6
    assert fs.du("a", total=False) == {"a/b/c/d": 2, "a/b/e": 2, "a/f": 2}
    with pytest.raises(ValueError, match="maxdepth"):
        fs.find("a", maxdepth=0)


def test_walk(fs: OstFileSystem) -> None:
    for key in ("a/b/c", "a/d", "e"):
        fs.pipe_file(key, b"")
    assert list(fs.walk("")) == [("", ["a"], ["e"]), ("a", ["b"], ["d"]), ("a/b", [], ["c"])]


NAMES = st.lists(
    st.lists(st.sampled_from(["a", "b", "ab", "a-b", "c.x"]), min_size=1, max_size=4).map("/".join),
    max_size=12,
    unique=True,
)


@given(NAMES, st.sampled_from(["", "a", "ab", "a/b"]), st.sampled_from([None, 1, 2, 3]))
def test_find_is_what_walking_finds(keys: list[str], path: str, depth: int | None) -> None:
    with ObjectStorage(MemoryStorage(MemorySettings()), clock=SystemClock()) as storage:
        fs = OstFileSystem(storage, skip_instance_cache=True)
        for key in keys:
            storage.put(key, b"")
        inside = [key.removeprefix(f"{path}/" if path else "") for key in keys]
        inside = [k for k, key in zip(inside, keys, strict=True) if not path or k != key]
        expected = set[str]()
        for key in inside:
            parts = key.split("/")
            expected |= {"/".join(parts[:n]) for n in range(1, len(parts) + 1)}
        expected = {k for k in expected if depth is None or k.count("/") < depth}
        found = fs.find(path, maxdepth=depth, withdirs=True)
        start = f"{path}/" if path else ""
        assert {n.removeprefix(start) for n in found if n != path} == expected
        files = set(fs.find(path, maxdepth=depth)) - {path}
        assert files == {start + key for key in inside if depth is None or key.count("/") < depth}


@given(
    NAMES,
    st.sampled_from(["*", "a*", "a/*", "*/b", "**", "a/**", "a/**/b", "a?b", "[ab]/*", "a*/"]),
)
def test_glob_is_what_fsspec_finds_without_the_shortcut(keys: list[str], pattern: str) -> None:
    with ObjectStorage(MemoryStorage(MemorySettings()), clock=SystemClock()) as storage:
        fs = OstFileSystem(storage, skip_instance_cache=True)
        for key in keys:
            storage.put(key, b"")
        assert fs.glob(pattern) == fs.glob(pattern, prefix="")


def test_times_and_versions(fs: OstFileSystem) -> None:
    fs.pipe_file("a", b"1")
    first = fs.ukey("a"), fs.checksum("a")
    assert first == (fs.ukey("a"), fs.checksum("a"))
    assert abs(fs.modified("a") - datetime.now(UTC)) < timedelta(minutes=5)
    assert fs.created("a") == fs.modified("a")
    fs.pipe_file("a", b"22")
    assert fs.ukey("a") != first[0]
    assert fs.checksum("a") != first[1]
    for call in (fs.modified, fs.ukey, fs.checksum, fs.size):
        with pytest.raises(FileNotFoundError):
            call("missing")


CALLS = ("exists", "isfile", "isdir", "find", "glob", "ls", "info", "du", "cat_file", "rm", "open")


@pytest.mark.parametrize("error", [Unavailable("it is away"), Forbidden("it is away")])
@pytest.mark.parametrize("call", CALLS)
def test_what_goes_wrong_is_not_mistaken_for_what_is_missing(error: Exception, call: str) -> None:
    retry = RetryPolicy(attempts=2)
    storage = ObjectStorage(BrokenStorage(error), clock=TestClock(), retry=retry)
    with storage, pytest.raises(OSError, match="it is away") as caught:
        getattr(OstFileSystem(storage), call)("some*thing")
    assert caught.value.__cause__ is error


def test_an_error_of_several_objects_names_no_path() -> None:
    class Kept(MemoryStorage):
        def delete_many(self, keys: Iterable[str]) -> NoReturn:
            raise Forbidden("they must stay")

    with ObjectStorage(Kept(MemorySettings()), clock=TestClock()) as storage:
        fs = OstFileSystem(storage)
        fs.pipe({"a": b"", "b": b""})
        with pytest.raises(PermissionError) as caught:
            fs.rm(["a", "b"])
    assert str(caught.value) == f"[Errno {errno.EACCES}] they must stay"
