from __future__ import annotations

import errno
import io
import os
from pathlib import Path

import pytest

from ostler.errors import Conflict, Forbidden
from ostler.services.transfer import Task, upload_tree, uploading

from .conftest import Held, contents, fill, place_on


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "b").mkdir(parents=True)
    (root / "a").write_bytes(b"1")
    (root / "b" / "c d").write_bytes(b"22")
    (root / "empty").mkdir()
    return root


def test_every_file_is_stored_under_its_path(tree: Path, target: Held) -> None:
    (tree / "link").symlink_to("a")
    (tree / "around").symlink_to(tree)
    report = upload_tree(str(tree), place_on(target, "p/"), Task())
    assert contents(place_on(target)) == {"p/a": b"1", "p/b/c d": b"22", "p/link": b"1"}
    assert (report.copied, report.size, report.failed) == (3, 4, 0)


def test_what_is_no_file_or_no_key_or_fails_stops_nothing_else(tree: Path, target: Held) -> None:
    os.mkfifo(tree / "pipe")
    (tree / "broken").symlink_to("nowhere")
    (tree / "bad\tname").write_bytes(b"")
    (tree / os.fsdecode(b"\xff")).write_bytes(b"")
    target.faults["put", "a"] = Forbidden("not allowed")
    report = upload_tree(str(tree), place_on(target), Task())
    assert contents(place_on(target)) == {"b/c d": b"22"}
    told = {failure.name: str(failure.error) for failure in report.failures}
    assert sorted(told) == ["?", "a", "bad\tname", "broken", "pipe"]
    assert "is no file" in told["pipe"]
    assert "No such file" in told["broken"]
    assert "not a key" in told["?"]


def test_a_file_that_breaks_off_is_told_by_its_path(
    tree: Path, target: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(io.FileIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(uploading, "open", lambda path, mode: Broken(path, mode), raising=False)
    report = upload_tree(str(tree), place_on(target), Task())
    assert (report.copied, report.failed) == (0, 2)
    told = {str(failure.error) for failure in report.failures}
    assert told == {
        f"cannot read {tree / name}: Input/output error" for name in ("a", Path("b") / "c d")
    }


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_directory_that_cannot_be_read_is_told(tree: Path, target: Held) -> None:
    (tree / "b").chmod(0)
    report = upload_tree(str(tree), place_on(target), Task())
    (tree / "b").chmod(0o700)
    assert (report.copied, report.failures[0].name) == (1, "b")


def test_what_is_there_can_be_left_alone(tree: Path, target: Held) -> None:
    fill(place_on(target), {"a": b"old"})
    report = upload_tree(str(tree), place_on(target), Task(), if_absent=True)
    assert (report.copied, report.same) == (1, 1)
    assert contents(place_on(target)) == {"a": b"old", "b/c d": b"22"}


def test_it_stops(tree: Path, target: Held) -> None:
    task = Task()
    task.stop.set()
    with pytest.raises(Conflict):
        upload_tree(str(tree), place_on(target), task)
    assert contents(place_on(target)) == {}
