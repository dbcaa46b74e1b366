from __future__ import annotations

import io
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.callbacks import Callback

from ostler.errors import Forbidden, Unavailable
from ostler.filesystem import OstFileSystem
from ostler.ost import ObjectStorage
from ostler.retry import RetryPolicy
from ostler_memory.driver import MemorySettings

from ..ost_support import CutBody, TestClock
from .drivers import CountingStorage

DATA = os.urandom(3 << 20)


class _Progress(Callback):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def call(self, hook_name: Any = None, **kwargs: Any) -> None:
        self.seen.append(self.value)


def test_a_file_goes_there_and_back(fs: OstFileSystem, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(DATA)
    up, down = _Progress(), _Progress()
    fs.put_file(str(tmp_path / "source"), "key", callback=up)
    fs.get_file("key", str(tmp_path / "new" / "target"), callback=down)
    assert (tmp_path / "new" / "target").read_bytes() == DATA
    for progress in (up, down):
        assert (progress.size, progress.value) == (len(DATA), len(DATA))
    assert len(set(down.seen)) > 2
    assert os.listdir(tmp_path / "new") == ["target"]


def test_getting_is_one_request(
    counted: OstFileSystem, driver: CountingStorage, tmp_path: Path
) -> None:
    counted.pipe_file("key", DATA)
    driver.taken()
    counted.get_file("key", str(tmp_path / "target"))
    (tmp_path / "source").write_bytes(DATA)
    counted.put_file(str(tmp_path / "source"), "key")
    assert driver.taken() == ["get", "put"]


def test_getting_into_a_file_that_is_open(fs: OstFileSystem) -> None:
    fs.pipe_file("key", DATA)
    for options in ({"lpath": io.BytesIO()}, {"lpath": None, "outfile": io.BytesIO()}):
        fs.get_file("key", **options)
        target = options.get("outfile") or options["lpath"]
        assert isinstance(target, io.BytesIO)
        assert target.getvalue() == DATA


def test_exclusive_upload(fs: OstFileSystem, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"new")
    fs.pipe_file("key", b"old")
    with pytest.raises(FileExistsError):
        fs.put_file(str(tmp_path / "source"), "key", mode="create")
    assert fs.cat_file("key") == b"old"


def test_a_pipe_has_no_size_and_can_be_stored(fs: OstFileSystem, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"through a pipe")
    os.close(writing)
    fs.put_file(f"/dev/fd/{reading}", "key")
    os.close(reading)
    assert fs.cat_file("key") == b"through a pipe"


class _Cut(CountingStorage):
    def get(self, key: str, start: int, end: int | None) -> Any:
        info, body = super().get(key, start, end)
        return info, CutBody(body, 2 << 20, Forbidden("enough")) if key == "cut" else body


@pytest.fixture
def cut() -> Any:
    with ObjectStorage(_Cut(MemorySettings()), clock=TestClock()) as storage:
        yield OstFileSystem(storage, skip_instance_cache=True)


@pytest.mark.parametrize("before", [None, b"old"])
def test_half_of_an_object_never_takes_the_place_of_a_file(
    cut: OstFileSystem, tmp_path: Path, before: bytes | None
) -> None:
    cut.pipe_file("cut", DATA)
    target = tmp_path / "target"
    if before is not None:
        target.write_bytes(before)
    with pytest.raises(PermissionError, match="enough"):
        cut.get_file("cut", str(target))
    assert os.listdir(tmp_path) == (["target"] if before else [])
    assert not before or target.read_bytes() == before


def test_half_of_an_object_is_never_copied(cut: OstFileSystem) -> None:
    cut.pipe_file("cut", DATA)
    cut.pipe_file("target", b"old")
    for call in (cut.cp_file, cut.copy, cut.mv):
        with pytest.raises(PermissionError, match="enough"):
            call("cut", "target")
    assert cut.cat_file("target") == b"old"
    assert cut.exists("cut")


def test_a_file_keeps_its_mode_and_a_link_its_target(fs: OstFileSystem, tmp_path: Path) -> None:
    fs.pipe_file("key", b"new")
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    target.chmod(0o600)
    fs.get_file("key", str(target))
    assert (target.read_bytes(), stat.S_IMODE(target.stat().st_mode)) == (b"new", 0o600)
    target.write_bytes(b"old")
    link.symlink_to(target)
    fs.get_file("key", str(link))
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_a_busy_storage_gets_the_file_again_from_its_start(tmp_path: Path) -> None:
    class Busy(CountingStorage):
        def put(self, key: str, source: Any, **options: Any) -> Any:
            if not self.calls:
                self.calls.append("put")
                source.read(1000)
                raise Unavailable("busy")
            return super().put(key, source, **options)

    (tmp_path / "source").write_bytes(DATA)
    progress = _Progress()
    driver = Busy(MemorySettings())
    with ObjectStorage(driver, clock=TestClock(), retry=RetryPolicy()) as storage:
        fs = OstFileSystem(storage, skip_instance_cache=True)
        fs.put_file(str(tmp_path / "source"), "key", callback=progress)
        assert fs.cat_file("key") == DATA
    assert progress.value == len(DATA)


def test_trees(fs: OstFileSystem, tmp_path: Path) -> None:
    for name in ("a", "sub/b", "sub/deep/c"):
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    fs.put(str(tmp_path / "tree"), "up", recursive=True)
    assert fs.find("up") == ["up/a", "up/sub/b", "up/sub/deep/c"]
    fs.get("up", str(tmp_path / "down"), recursive=True)
    assert (tmp_path / "down" / "sub" / "deep" / "c").read_text() == "sub/deep/c"


def test_a_callback_is_told_of_each_file(tree: OstFileSystem, tmp_path: Path) -> None:
    down, up = _Progress(), _Progress()
    tree.get(["d/a", "d/b"], str(tmp_path), callback=down)
    tree.put([str(tmp_path / "a"), str(tmp_path / "b")], "up", callback=up)
    assert tree.cat("up", recursive=True) == {"up/a": b"a", "up/b": b"b"}
    for progress in (down, up):
        assert (progress.size, progress.value) == (2, 2)


@pytest.fixture
def tree(fs: OstFileSystem) -> OstFileSystem:
    fs.pipe({"d/a": b"a", "d/b": b"b", "d/sub/c": b"c"})
    return fs


@pytest.mark.parametrize(
    ("move", "left"),
    [
        (lambda fs: fs.mv("d/a", "x"), ["d/b", "d/sub/c", "x"]),
        (lambda fs: fs.mv("ost://d/a", "e/"), ["d/b", "d/sub/c", "e/a"]),
        (lambda fs: fs.mv("d", "e", recursive=True), ["e/a", "e/b", "e/sub/c"]),
        (lambda fs: fs.mv("d/*", "e/"), ["d/sub/c", "e/a", "e/b"]),
        (lambda fs: fs.mv(["d/a", "d/b"], ["1", "2"]), ["1", "2", "d/sub/c"]),
        # Onto itself, in several ways.
        (lambda fs: fs.mv("d/a", "ost://d/a"), ["d/a", "d/b", "d/sub/c"]),
        (lambda fs: fs.mv("d/a", "d/"), ["d/a", "d/b", "d/sub/c"]),
        (lambda fs: fs.mv("d/*", "d"), ["d/a", "d/b", "d/sub/c"]),
        (lambda fs: fs.mv("d/sub", "d/sub/in", recursive=True), ["d/a", "d/b", "d/sub/in/c"]),
    ],
)
def test_moving(
    tree: OstFileSystem, move: Callable[[OstFileSystem], None], left: list[str]
) -> None:
    contents = sorted(tree.cat(tree.find("")).values())
    move(tree)
    assert tree.find("") == left
    assert sorted(tree.cat(left).values()) == contents


def test_what_is_in_the_way_of_a_move_is_not_overwritten(tree: OstFileSystem) -> None:
    with pytest.raises(ValueError, match="cannot move to 'd/b'"):
        tree.mv(["d/a", "d/b"], ["d/b", "x"])
    assert tree.cat(["d/a", "d/b"]) == {"d/a": b"a", "d/b": b"b"}


class _Together(CountingStorage):
    """Goes on only when two calls are under way."""

    def __init__(self, settings: MemorySettings) -> None:
        super().__init__(settings)
        self.barrier = threading.Barrier(2, timeout=30)

    def put(self, key: str, source: Any, **options: Any) -> Any:
        self.barrier.wait()
        return super().put(key, source, **options)

    def get(self, key: str, start: int, end: int | None) -> Any:
        self.barrier.wait()
        return super().get(key, start, end)


def test_several_are_done_at_once(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    with ObjectStorage(_Together(MemorySettings()), clock=TestClock()) as storage:
        fs = OstFileSystem(storage, skip_instance_cache=True)
        fs.put([str(tmp_path / "a"), str(tmp_path / "b")], ["d/a", "d/b"])
        fs.pipe({"d/a": b"1", "d/b": b"2"})
        fs.copy("d/*", "e/")
        fs.mv("e/*", "f/")
        assert fs.cat("f/*") == {"f/a": b"1", "f/b": b"2"}
        fs.get("f/*", str(tmp_path / "got/"))
    assert sorted(path.read_text() for path in (tmp_path / "got").iterdir()) == ["1", "2"]


def test_moving_what_is_not_there(tree: OstFileSystem) -> None:
    with pytest.raises(FileNotFoundError):
        tree.mv("missing", "x")
    assert tree.find("") == ["d/a", "d/b", "d/sub/c"]


def test_removing(tree: OstFileSystem) -> None:
    for call in (tree.rm, tree.rm_file):
        with pytest.raises(FileNotFoundError):
            call("missing")
        with pytest.raises(IsADirectoryError):
            call("d")
    with pytest.raises(IsADirectoryError):
        tree.rm(["d/a", "d/sub"])
    with pytest.raises(FileNotFoundError):
        tree.rm("missing", recursive=True)
    with pytest.raises(OSError, match="not empty"):
        tree.rmdir("d")
    assert tree.find("") == ["d/a", "d/b", "d/sub/c"]
    tree.rm("d/[ab]")
    assert tree.find("") == ["d/sub/c"]
    tree.rm("d", recursive=True)
    tree.rmdir("d")
    assert tree.find("") == []


def test_copying_between_storages(fs: OstFileSystem, tmp_path: Path) -> None:
    other = {"storage": f"posix://{tmp_path}/other", "home": str(tmp_path / "home")}
    fs.pipe({"d/a": b"1", "d/s/b": b"2"})
    with fsspec.open("ost://x", "wb", **other) as target, fs.open("d/a") as source:
        target.write(source.read())
    assert fsspec.filesystem("ost", **other).find("") == ["x"]


def test_what_a_storage_cannot_have(fs: OstFileSystem) -> None:
    for key in ("a//b", "a/../b", "line\nbreak", "x" * 2000):
        with pytest.raises(ValueError, match="is not a key"):
            fs.pipe_file(key, b"")


def test_an_object_cannot_be_a_directory_on_posix(posix: dict[str, Any]) -> None:
    fs = OstFileSystem(**posix)
    fs.pipe_file("a", b"")
    with pytest.raises(NotADirectoryError, match="object and a directory"):
        fs.pipe_file("a/b", b"")
