"""`ostler storage put`, `cp` and `sync`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ostler.cli import main
from ostler.cli._exit import Exit

if TYPE_CHECKING:
    from .conftest import Storage


@pytest.mark.parametrize(
    ("location", "key"), [([], "f.txt"), (["a/b"], "a/b"), (["a/"], "a/f.txt"), (["."], "f.txt")]
)
def test_put_stores_a_file(storage: Storage, location: list[str], key: str) -> None:
    storage.fill("f.txt", place="here")
    done = storage("put", "here/f.txt", *location)
    assert (done.out, done.err) == ("", "")
    assert storage("cat", key).out == "12345"


def test_put_says_what_it_stored_as_json(storage: Storage) -> None:
    storage.fill("f", place=".")
    told = storage.json("put", "f", storage.url("other", "k"), "--no-persist")
    assert (told["key"], told["size"]) == ("k", 5)


def test_put_replaces_nothing_if_it_is_told_so(storage: Storage) -> None:
    storage.fill("f", place=".", data="new")
    storage.fill("k", data="old")
    assert "exists" in storage("put", "f", "k", "--if-absent", code=Exit.USAGE).err
    assert storage("cat", "k").out == "old"
    storage("put", "f", "k")
    assert storage("cat", "k").out == "new"


def test_put_of_what_cannot_be_read(storage: Storage) -> None:
    assert "No such file" in storage("put", "nothing", code=Exit.USAGE).err
    storage.fill("d/f", place=".")
    assert "-r stores every file" in storage("put", "d", code=Exit.USAGE).err
    assert "leave -r out" in storage("put", "-r", "d/f", code=Exit.USAGE).err
    done = storage(
        "put", "/proc/self/mem", "k", code=Exit.USAGE
    )  # opens, and fails at the first byte
    assert "error: cannot read '/proc/self/mem': Input/output error" in done.err
    for words in (["-"], ["-", "a/"], ["-", "."], ["-", "a", "-r"]):
        assert "has no name" in storage("put", *words, code=Exit.USAGE).err
    assert storage.keys() == []


def test_put_r_stores_a_directory(storage: Storage) -> None:
    storage.fill("d/f", "d/e/g", place=".")
    assert "copied 2 objects, 10 B" in storage("put", "-r", "d").err
    assert storage.keys() == ["d/e/g", "d/f"]
    told = storage.json("put", "-r", "d", "x", "--if-absent")
    assert (told["copied"], told["failed"], storage.keys()[-2:]) == (2, 0, ["x/e/g", "x/f"])
    assert storage.json("put", "-r", "d", "x", "--if-absent")["same"] == 2


def test_put_r_tells_failures(storage: Storage) -> None:
    storage.fill("d/f", "d/g\th", place=".")
    done = storage("put", "-r", "d", code=Exit.INFRASTRUCTURE)
    assert "error: 1 object could not be copied" in done.err
    assert "control character" in done.err
    (failure,) = storage.json("put", "-r", "d", code=Exit.INFRASTRUCTURE)["failures"]
    assert (failure["name"], failure["code"]) == ("g\th", "bad_key")


@pytest.mark.parametrize(("target", "key"), [("b", "b"), ("b/", "b/d"), (".", "d")])
def test_cp_copies_one_object(storage: Storage, target: str, key: str) -> None:
    storage.fill("a/d", place="other")
    done = storage("cp", storage.url("other", "a/d"), target)
    assert (done.out, done.err, storage.keys()) == ("", "", [key])


def test_cp_onto_itself_is_refused_however_it_is_named(storage: Storage) -> None:
    storage.fill("a/b")
    inside = storage.url("home/storage/a", "b")
    for target in ("a/b", "a/", inside):
        assert "onto itself" in storage("cp", "a/b", target, code=Exit.USAGE).err
    for target in ("a", "a/c/", ".", storage.url("home/storage/a")):
        assert "in common" in storage("cp", "-r", "a", target, code=Exit.USAGE).err
    assert storage.keys() == ["a/b"]


def test_cp_of_what_is_not_there_or_exists(storage: Storage) -> None:
    assert "there is no object 'a'" in storage("cp", "a", "b", code=Exit.USAGE).err
    assert "nothing below 'a'" in storage("cp", "-r", "a", "b", code=Exit.USAGE).err
    assert "-r copies" in storage("cp", "a/", "b", code=Exit.USAGE).err
    storage.fill("a", "b")
    assert "exists" in storage("cp", "a", "b", "--if-absent", code=Exit.USAGE).err


def test_cp_r_keeps_names_below(storage: Storage) -> None:
    storage.fill("a/1", "a/b/2", "ab")
    assert "copied 2 objects" in storage("cp", "-r", "a", storage.url("other", "x"), "-j", "1").err
    assert storage.keys("other") == ["x/1", "x/b/2"]
    told = storage.json("cp", "-r", "a", storage.url("other", "x"), "--if-absent")
    assert (told["copied"], told["same"]) == (0, 2)


def test_sync(storage: Storage) -> None:
    storage.fill("a", "b/c")
    storage.fill("old", place="other")
    target = storage.url("other")
    plan = storage("sync", ".", target, "--delete", "--dry-run")
    assert (plan.out, plan.err) == ("copy a\ncopy b/c\ndelete old\n", "")
    assert storage.keys("other") == ["old"]
    done = storage("sync", ".", target, "--delete")
    assert done.out == ""
    assert done.err.startswith("copied 2 objects, 10 B, in ")
    assert done.err.endswith("; 1 removed\n")
    assert storage.keys("other") == ["a", "b/c"]
    again = storage.json("sync", ".", target, "--delete", "--checksum")
    assert (again["copied"], again["same"], again["removed"]) == (0, 2, 0)
    storage.fill("a", data="changed")
    plan = storage.json("sync", ".", target, "--dry-run")
    step = {"action": "copy", "name": "a", "size": 7, "reason": "size"}
    assert plan == {"steps": [step], "same": 1, "failed": 0, "failures": []}


def test_sync_does_not_empty_a_place_for_a_misspelt_source(storage: Storage) -> None:
    storage.fill("a", place="other")
    wrong = ["sync", "wrogn", storage.url("other"), "--delete"]
    assert "would remove everything" in storage(*wrong, code=Exit.USAGE).err
    assert storage.keys("other") == ["a"]
    storage(*wrong, "--force")
    assert storage.keys("other") == []


def test_sync_tells_failures_and_removes_nothing_then(storage: Storage) -> None:
    storage.fill("ostler.toml", place=".", data="plugins = {allow_unselectable = true}\n")
    storage.fill("f", place=".")
    storage.fill("old", place="other")
    source = f"posixflat://{storage.directory}/flat"
    too_long = "x" * 256  # for the name of a file
    for key in ("c", too_long):
        storage("put", "f", f"{source}#{key}")
    done = storage("sync", source, storage.url("other"), "--delete", code=Exit.INFRASTRUCTURE)
    assert f"\n{too_long}: " in done.err
    assert done.err.endswith("error: 1 object could not be copied\n")
    assert storage.keys("other") == ["c", "old"]


@pytest.mark.parametrize("delete", [[], ["--delete"]])
def test_a_live_database_is_kept_and_a_copy_of_it_brought_up_to_date(
    storage: Storage, delete: list[str]
) -> None:
    assert main(["data", "status"]) == 0
    copy = storage.url("copy")
    for _ in range(2):
        storage("sync", ".", copy, *delete)
        assert main(["data", "checkpoint"]) == 0
    assert storage.keys("copy")[0].startswith("manifest/")
    assert "--force" in storage("sync", copy, ".", *delete, code=Exit.USAGE).err
    assert "--force" in storage("cp", "-r", copy, ".", code=Exit.USAGE).err
    storage.fill("x", place="d/wal")
    for refused in (["put", "d/wal/x", "wal/x"], ["put", "-r", "d", "."]):
        assert "--force" in storage(*refused, code=Exit.USAGE).err
    storage("sync", copy, ".", "--force")
    assert main(["data", "verify"]) == 0
