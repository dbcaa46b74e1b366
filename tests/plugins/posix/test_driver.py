from __future__ import annotations

import errno
import io
import os
from pathlib import Path

import pytest

from ostler.errors import (
    BadRequest,
    Conflict,
    Error,
    Forbidden,
    Internal,
    NotFound,
    Unavailable,
    Unknown,
)
from ostler.spi.storage import CommonPrefix
from ostler_posix.driver import PosixStorage
from ostler_posix.failures import typed
from ostler_posix.settings import PosixSettings


def put(driver: PosixStorage, key: str, data: bytes = b"x", *, persist: bool = False) -> None:
    driver.put(key, io.BytesIO(data), size=len(data), persist=persist, if_absent=False)


def test_people_can_look_into_it(posix: PosixStorage, root: Path) -> None:
    put(posix, "logs/1/setup.log", b"hello")
    assert (root / "logs/1/setup.log").read_bytes() == b"hello"


def test_it_shows_what_people_put_there(posix: PosixStorage, root: Path) -> None:
    (root / "mine").mkdir(parents=True)
    (root / "mine/file").write_bytes(b"hello")
    (info,) = posix.list("", "", "")
    assert info == posix.stat("mine/file")


def test_the_root_is_made_by_the_first_put(posix: PosixStorage, root: Path) -> None:
    assert list(posix.list("", "", "/")) == []
    with pytest.raises(NotFound):
        posix.stat("a")
    posix.delete("a")
    assert not root.exists()
    put(posix, "a", persist=True)
    assert root.exists()


def test_the_last_object_takes_its_directories_along(posix: PosixStorage, root: Path) -> None:
    put(posix, "a/b/c/d")
    put(posix, "a/e")
    posix.delete("a/b/c/d")
    assert sorted(path.name for path in root.rglob("[a-z]")) == ["a", "e"]
    posix.delete("a/e")
    assert root.is_dir()
    assert not (root / "a").exists()


def test_empty_directories_are_neither_prefixes_nor_in_the_way(
    posix: PosixStorage, root: Path
) -> None:
    (root / "husk/of/a/crash").mkdir(parents=True)
    put(posix, "other/object")
    assert list(posix.list("", "", "/")) == [CommonPrefix("other/")]
    put(posix, "husk", b"object now")
    assert (root / "husk").read_bytes() == b"object now"


def test_a_name_that_is_too_long_is_refused_at_once(posix: PosixStorage, root: Path) -> None:
    for key in ("n" * 256, "é" * 128, "a/" + "n" * 256 + "/b"):
        with pytest.raises(BadRequest, match="255 bytes") as caught:
            put(posix, key)
        assert caught.value.code == "name_too_long"
        with pytest.raises(NotFound):
            posix.stat(key)
        posix.delete(key)
    assert not root.exists()
    assert list(posix.list("n" * 300 + "/", "", "")) == []


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("real", path)])
def test_what_is_no_file_is_no_object(posix: PosixStorage, root: Path, make: object) -> None:
    put(posix, "real")
    make(root / "strange")  # type: ignore[operator]
    with pytest.raises(NotFound):
        posix.stat("strange")
    with pytest.raises(NotFound):
        posix.get("strange", 0, None)


def test_without_persist_in_its_settings_it_says_so(root: Path) -> None:
    driver = PosixStorage(PosixSettings(path=str(root), persist=False))
    assert driver.capabilities.durable_put is False
    driver.close()


def test_a_directory_that_cannot_be_synchronised_is_an_error(
    posix: PosixStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(posix, "a/b")

    def broken(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(Unknown, match="cannot synchronise the directory"):
        put(posix, "a/b", persist=True)


def test_data_that_cannot_be_synchronised_are_not_published(
    posix: PosixStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", broken)
    with pytest.raises(Unavailable):
        put(posix, "a/b", persist=True)
    assert list(posix.list("", "", "")) == []


def test_a_full_disk_stores_nothing(posix: PosixStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    put(posix, "a", b"before")

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(Unavailable, match="make room") as caught:
        put(posix, "a", b"after")
    monkeypatch.undo()
    assert caught.value.code == "no_space"
    _info, body = posix.get("a", 0, None)
    with body:
        assert body.read() == b"before"


def test_short_writes_are_completed(posix: PosixStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:3]))
    put(posix, "a", b"0123456789")
    monkeypatch.undo()
    assert posix.stat("a").size == 10


def test_a_file_that_shrinks_under_a_reader_is_noticed(posix: PosixStorage, root: Path) -> None:
    put(posix, "a", b"x" * 100)
    _info, body = posix.get("a", 0, None)
    os.truncate(root / "a", 10)
    with body, pytest.raises(Unavailable, match="early"):
        body.read()


def test_conflicts_name_the_way_out(posix: PosixStorage) -> None:
    put(posix, "a/b")
    with pytest.raises(Conflict, match="an object and a directory at once"):
        put(posix, "a")


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.EACCES, Forbidden),
        (errno.EROFS, Forbidden),
        (errno.ENOSPC, Unavailable),
        (errno.EMFILE, Unavailable),
        (errno.EIO, Unavailable),
        (errno.ENAMETOOLONG, BadRequest),
        (errno.EBADF, Internal),
    ],
)
def test_errors_of_the_system_are_typed(number: int, kind: type[Error]) -> None:
    error = typed(OSError(number, os.strerror(number)), "do it")
    assert type(error) is kind
    assert os.strerror(number) in error.message
