"""What is not written to its end is not stored."""

from __future__ import annotations

import errno
import gc
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any

import fsspec
import pytest

from ostler.clock import SystemClock
from ostler.errors import Conflict, Forbidden, Unauthorized, Unavailable
from ostler.filesystem import OstFileSystem
from ostler.ost import ObjectStorage
from ostler.retry import RetryPolicy
from ostler.spi.storage import Capabilities

from ..ost_support import FlakyStorage, TestClock
from .drivers import BrokenStorage

COUNTS = [0, 1, 50]
"""Pieces of ten bytes with blocks of a hundred: nothing, one that is held, many that are streamed."""


class Boom(Exception):
    pass


def _write_and_fail(opened: AbstractContextManager[Any], pieces: list[Any]) -> None:
    with opened as file:
        for piece in pieces:
            file.write(piece)
        raise Boom


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("mode", ["wb", "xb", "w"])
@pytest.mark.parametrize("compression", [None, "gzip", "xz"])
def test_an_exception_in_the_block_stores_nothing(
    fs: OstFileSystem, count: int, mode: str, compression: str | None
) -> None:
    file = fs.open("key", mode, block_size=100, compression=compression)
    with pytest.raises(Boom):
        _write_and_fail(file, [b"0123456789" if "b" in mode else "0123456789"] * count)
    assert file.closed
    assert fs.find("") == []


@contextmanager
def _closed_finally(file: Any) -> Iterator[Any]:
    try:
        yield file
    finally:
        file.close()


OTHERS: list[Callable[[OstFileSystem, dict[str, Any]], Any]] = [
    lambda fs, options: fsspec.open("ost://key", "wb", **options),
    lambda fs, options: fsspec.open("ost://key", "wb", compression="gzip", **options),
    lambda fs, options: closing(fs.open("key", "wb", block_size=100)),
    lambda fs, options: _closed_finally(fs.open("key", "wb", block_size=100)),
]


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("opened", OTHERS)
def test_nor_in_the_block_of_someone_else(
    fs: OstFileSystem, options: dict[str, Any], count: int, opened: Callable[..., Any]
) -> None:
    with pytest.raises(Boom):
        _write_and_fail(opened(fs, options), [b"0123456789"] * count)
    assert fs.find("") == []


def test_nor_in_a_text_block_of_someone_else(fs: OstFileSystem, options: dict[str, Any]) -> None:
    with pytest.raises(Boom):
        _write_and_fail(fsspec.open("ost://key", "w", **options), ["half of it"])
    assert fs.find("") == []


def _boom() -> None:
    raise Boom


def test_closing_while_an_older_exception_is_handled_stores(fs: OstFileSystem) -> None:
    try:
        _boom()
    except Boom:
        with fs.open("report", "w") as file:
            file.write("it went wrong")
        with closing(fs.open("second", "wb")) as file:
            file.write(b"2")
    assert fs.cat(["report", "second"]) == {"report": b"it went wrong", "second": b"2"}


def test_closing_in_an_except_clause_stores(fs: OstFileSystem) -> None:
    file = fs.open("key", "wb")
    try:
        file.write(b"most")
        _boom()
    except Boom:
        file.write(b", and the rest")
        file.close()
    assert fs.cat_file("key") == b"most, and the rest"


class _Reporting:
    """Writes a report when its block fails."""

    def __init__(self, fs: OstFileSystem) -> None:
        self.fs = fs

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        with closing(self.fs.open("report", "wb")) as file:
            file.write(repr(error).encode())


def test_a_file_opened_on_account_of_an_exception_is_stored(fs: OstFileSystem) -> None:
    with pytest.raises(Boom), _Reporting(fs):
        raise Boom
    assert fs.cat_file("report") == b"Boom()"


def _forget(fs: OstFileSystem, size: int, mode: str, compression: str | None) -> None:
    file = fs.open("key", mode, block_size=100, compression=compression)
    file.write(b"1" * size if "b" in mode else "1" * size)
    del file
    gc.collect()


@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize(("mode", "compression"), [("wb", None), ("w", None), ("wb", "gzip")])
def test_a_file_that_is_never_closed_stores_nothing_and_warns(
    fs: OstFileSystem, size: int, mode: str, compression: str | None
) -> None:
    with pytest.warns(RuntimeWarning, match="never closed: nothing was stored"):
        _forget(fs, size, mode, compression)
    assert fs.find("") == []


@pytest.mark.parametrize("compression", [None, "gzip"])
def test_text_that_cannot_be_written_on_when_it_is_closed_is_not_stored(
    fs: OstFileSystem, compression: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = fs.open("key", "w", compression=compression)
    file.write("held back by the encoder")
    monkeypatch.setattr(file.buffer, "write", lambda data: _boom())
    with pytest.raises(Boom):
        file.close()
    assert file.closed
    assert fs.find("") == []


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"encoding": "none such"}, LookupError),
        ({"encoding": "none such", "compression": "gzip"}, LookupError),
        ({"compression": "none such"}, ValueError),
    ],
)
def test_what_cannot_be_opened_as_asked_is_forgotten_without_a_warning(
    fs: OstFileSystem, asked: dict[str, Any], error: type[Exception]
) -> None:
    with fs.transaction:
        with pytest.raises(error, match="none such"):
            fs.open("key", "w", **asked)
        gc.collect()
    assert fs.find("") == []


def test_discarding(fs: OstFileSystem) -> None:
    file = fs.open("key", "wb", block_size=10)
    file.write(b"1" * 100)
    file.discard()
    file.discard()
    file.close()
    with pytest.raises(ValueError, match="closed"):
        file.write(b"more")
    assert fs.find("") == []


def _write(fs: OstFileSystem, pieces: list[bytes]) -> None:
    with fs.open("key", "wb", block_size=100) as file:
        for piece in pieces:
            file.write(piece)


@pytest.mark.parametrize(
    ("error", "kind", "number"),
    [
        (Forbidden("no"), PermissionError, "EACCES"),
        (Unauthorized("who"), PermissionError, "EACCES"),
        (Unavailable("away"), ConnectionError, "EIO"),
        (Unavailable("full", code="no_space"), OSError, "ENOSPC"),
        (Conflict("a dir", code="key_conflict"), NotADirectoryError, "ENOTDIR"),
    ],
)
@pytest.mark.parametrize("count", COUNTS)
def test_what_the_put_raises_comes_out(
    error: Exception, kind: type[OSError], number: str, count: int
) -> None:
    retry = RetryPolicy(attempts=1)
    with ObjectStorage(BrokenStorage(error), clock=TestClock(), retry=retry) as storage:
        fs = OstFileSystem(storage, skip_instance_cache=True)
        with pytest.raises(kind) as caught:
            _write(fs, [b"0123456789"] * count)
    assert (errno.errorcode[caught.value.errno], caught.value.filename) == (number, "key")
    assert caught.value.__cause__ is error


def test_more_than_a_storage_takes_of_unknown_size_stores_nothing() -> None:
    driver = FlakyStorage(capabilities=Capabilities(max_unknown_size=1000))
    with ObjectStorage(driver, clock=TestClock()) as storage:
        fs = OstFileSystem(storage, skip_instance_cache=True)
        with pytest.raises(OSError, match="larger than the 1000 bytes") as caught:
            _write(fs, [b"0123456789"] * 150)
        assert caught.value.errno == errno.EFBIG
        assert fs.find("") == []


def _write_for_ever(file: Any) -> None:
    while True:
        file.write(bytes(10))


def test_a_failed_write_fails_the_close_as_well() -> None:
    with ObjectStorage(BrokenStorage(Forbidden("no")), clock=SystemClock()) as storage:
        file = OstFileSystem(storage, skip_instance_cache=True).open("key", "wb", block_size=10)
        with pytest.raises(PermissionError):
            _write_for_ever(file)
        with pytest.raises(PermissionError):
            file.close()


LEFT_OPEN = """
import sys, fsspec
left = fsspec.open("ost://key", "wb", storage=sys.argv[1], home=sys.argv[2]).open()
left.write(bytes(20 << 20))
"""


def test_a_put_under_way_is_given_up_when_the_process_ends(posix: dict[str, Any]) -> None:
    command = [sys.executable, "-c", LEFT_OPEN, posix["storage"], posix["home"]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert OstFileSystem(**posix).find("") == []
