from __future__ import annotations

import pytest

from ostler.errors import Forbidden
from ostler.filesystem import OstFileSystem

from .drivers import CountingStorage


class Boom(Exception):
    pass


def test_a_transaction_stores_when_it_ends(fs: OstFileSystem) -> None:
    fs.pipe_file("old", b"old")
    with fs.transaction:
        for key, size in (("small", 10), ("large", 1000), ("old", 5)):
            with fs.open(key, "wb", block_size=100) as file:
                file.write(b"1" * size)
        fs.pipe_file("piped", b"2")
        fs.cp_file("old", "copied")
        assert fs.find("") == ["old"]
        assert fs.cat_file("old") == b"old"
    assert {key: each["size"] for key, each in fs.find("", detail=True).items()} == {
        "copied": 3,
        "large": 1000,
        "old": 5,
        "piped": 1,
        "small": 10,
    }


def _fail(fs: OstFileSystem) -> None:
    with fs.transaction:
        with fs.open("closed", "wb", block_size=100) as file:
            file.write(b"1" * 1000)
        fs.pipe_file("piped", b"1")
        fs.open("left", "wb").write(b"1")
        raise Boom


def test_a_transaction_that_fails_stores_nothing(fs: OstFileSystem) -> None:
    with pytest.raises(Boom):
        _fail(fs)
    assert fs.find("") == []
    fs.pipe_file("after", b"1")
    assert fs.find("") == ["after"]


def _write_and_fail(fs: OstFileSystem) -> None:
    with fs.open("bad", "wb") as file:
        file.write(b"1")
        raise Boom


def test_a_file_that_fails_within_a_transaction_is_left_out(fs: OstFileSystem) -> None:
    with fs.transaction:
        with pytest.raises(Boom):
            _write_and_fail(fs)
        fs.pipe_file("good", b"1")
    assert fs.find("") == ["good"]


@pytest.mark.parametrize("compression", [None, "gzip"])
def test_a_file_that_is_still_open_at_the_end_is_left_out(
    fs: OstFileSystem, compression: str | None
) -> None:
    fs.start_transaction()
    fs.pipe_file("good", b"1")
    file = fs.open("open", "wb", compression=compression)
    file.write(b"1" * 1000)
    with pytest.warns(RuntimeWarning, match="'open' was opened for writing and never closed"):
        fs.end_transaction()
    assert file.closed
    assert fs.find("") == ["good"]


def test_what_cannot_be_stored_is_raised_by_the_end_of_the_transaction(
    counted: OstFileSystem, driver: CountingStorage
) -> None:
    counted.start_transaction()
    for key in ("a", "b", "c"):
        counted.pipe_file(key, b"1")
    driver.refused = {"b": Forbidden("not b")}
    with pytest.raises(PermissionError, match="not b"):
        counted.end_transaction()
    assert counted.find("") == ["a"]
    counted.pipe_file("d", b"1")
    assert counted.find("") == ["a", "d"]
