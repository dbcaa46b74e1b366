"""`ostler storage rm`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ostler.cli._exit import Exit

if TYPE_CHECKING:
    from .conftest import Storage


def test_rm_removes_exactly_what_is_named(storage: Storage) -> None:
    storage.fill("a", "ab", "c/d")
    storage.fill("x", "y", place="other")
    done = storage("rm", "a", storage.url("other", "x"))
    assert (done.out, done.err) == ("", "")
    assert (storage.keys(), storage.keys("other")) == (["ab", "c/d"], ["y"])
    assert storage.json("rm", "ab") == {"removed": 1}


def test_rm_of_a_place_wants_r(storage: Storage) -> None:
    storage.fill("a/b")
    assert "-r" in storage("rm", "a/", code=Exit.USAGE).err
    assert "there is no object" in storage("rm", "a", code=Exit.USAGE).err
    assert storage.keys() == ["a/b"]


def test_rm_r_wants_to_be_sure(storage: Storage) -> None:
    storage.fill("a/b", "a/c/d", "ab")
    done = storage("rm", "-r", "a", code=Exit.USAGE)
    assert "--yes" in done.err
    assert storage("rm", "-r", "a", "--dry-run").out == "a/b\na/c/d\n"
    (listed, _) = storage.json("rm", "-r", "a", "--dry-run")["objects"]
    assert listed["key"] == "a/b"
    assert storage.keys() == ["a/b", "a/c/d", "ab"]
    assert storage("rm", "-r", "a", "--yes").err == "removed 2 objects\n"
    assert storage.keys() == ["ab"]
    assert storage.json("rm", "-r", "ab", "-y") == {"removed": 1}


def test_rm_r_of_more_than_a_batch(storage: Storage) -> None:
    storage.fill(*(f"a/{number:04}" for number in range(1203)), "b")
    assert storage.json("rm", "-ry", "a") == {"removed": 1203}
    assert storage.keys() == ["b"]


def test_what_is_missing_is_told_and_the_rest_removed(storage: Storage) -> None:
    storage.fill("a", "b")
    done = storage("rm", "nothing", "a", code=Exit.USAGE)
    assert done.err == "error: there is no object 'nothing'\n"
    assert storage.keys() == ["b"]
    assert storage("rm", "nothing", "b", "--missing-ok").err == ""
    assert storage.keys() == []


def test_the_database_is_kept_unless_it_is_meant(storage: Storage) -> None:
    from ostler.cli import main

    assert main(["data", "status"]) == 0
    storage.fill("logs/x")
    kept = storage.keys()
    (manifest,) = [key for key in kept if key.startswith("manifest/")]
    for arguments in (["-ry", "."], ["-ry", "manifest"], [manifest]):
        assert "--force" in storage("rm", *arguments, code=Exit.USAGE).err
    assert storage.keys() == kept
    assert storage.json("rm", "-ry", "logs") == {"removed": 1}
    assert storage.json("rm", manifest, "--force") == {"removed": 1}
