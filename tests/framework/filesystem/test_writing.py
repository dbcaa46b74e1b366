from __future__ import annotations

import hashlib
import io
import threading
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostler.clock import SystemClock
from ostler.filesystem import OstFileSystem
from ostler.ost import ObjectStorage
from ostler_memory.driver import MemorySettings, MemoryStorage

from .drivers import CountingStorage


@given(st.lists(st.binary(max_size=300), max_size=20), st.sampled_from([1, 7, 100, 10_000]))
def test_what_is_written_is_stored(pieces: list[bytes], block: int) -> None:
    with ObjectStorage(MemoryStorage(MemorySettings()), clock=SystemClock()) as storage:
        fs = OstFileSystem(storage, skip_instance_cache=True)
        with fs.open("key", "wb", block_size=block) as file:
            for piece in pieces:
                assert file.write(memoryview(piece)) == len(piece)
            assert file.tell() == sum(map(len, pieces))
        assert storage.read("key") == b"".join(pieces)


def test_a_closed_file(fs: OstFileSystem) -> None:
    with fs.open("key", "wb") as file:
        assert (file.writable(), file.readable(), file.seekable()) == (True, False, False)
        with pytest.raises(TypeError):
            file.write("text")
        file.flush()
    file.close()
    file.discard()
    assert file.closed
    assert not file.writable()
    for call in (lambda: file.write(b""), file.flush, file.__enter__):
        with pytest.raises(ValueError, match="is closed for writing"):
            call()
    assert fs.cat_file("key") == b""


def test_readers_see_the_old_object_until_the_new_one_is_whole(fs: OstFileSystem) -> None:
    fs.pipe_file("key", b"old")
    with fs.open("key", "wb", block_size=10) as file:
        file.write(b"n" * 1000)
        assert fs.cat_file("key") == b"old"
    assert fs.cat_file("key") == b"n" * 1000


@pytest.mark.parametrize("size", [3, 1000])
def test_of_many_exclusive_writers_one_wins(fs: OstFileSystem, size: int) -> None:
    files = [fs.open("key", "xb", block_size=100) for _ in range(8)]
    for number, file in enumerate(files):
        file.write(b"%d" % number * size)
    outcomes: list[Any] = [None] * len(files)

    def close(number: int) -> None:
        try:
            files[number].close()
        except FileExistsError as error:
            outcomes[number] = error

    threads = [threading.Thread(target=close, args=(number,)) for number in range(len(files))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    (winner,) = [number for number, outcome in enumerate(outcomes) if outcome is None]
    assert fs.cat_file("key") == b"%d" % winner * size
    with pytest.raises(FileExistsError):
        fs.open("key", "xb")


@pytest.mark.parametrize("mode", ["ab", "a", "r+b", "wb+"])
def test_other_modes_are_refused(fs: OstFileSystem, mode: str) -> None:
    with pytest.raises(io.UnsupportedOperation, match="written as a whole"):
        fs.open("key", mode)


class _Draining(MemoryStorage):
    """Reads what is put piece by piece, slower than it is written, and keeps none of it."""

    def put(self, key: str, source: Any, **options: Any) -> Any:
        self.size = 0
        while piece := source.read(1 << 16):
            self.size += len(piece)
            hashlib.sha512(piece)
        return super().put(key, _Empty(), **options)


class _Empty:
    def read(self, size: int = -1, /) -> bytes:
        return b""


def test_memory_stays_bounded_while_writing_64_mib() -> None:
    driver = _Draining(MemorySettings())
    with ObjectStorage(driver, clock=SystemClock()) as storage:
        fs = OstFileSystem(storage, skip_instance_cache=True)
        tracemalloc.start()
        try:
            with fs.open("key", "wb") as file:
                for _ in range(64):
                    file.write(bytes(1 << 20))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert driver.size == 64 << 20
    assert peak < 24 << 20


def test_creating_and_touching(fs: OstFileSystem) -> None:
    fs.touch("key")
    assert fs.cat_file("key") == b""
    fs.pipe_file("key", bytearray(b"1"))
    with pytest.raises(FileExistsError):
        fs.pipe_file("key", b"2", mode="create")
    with pytest.raises(io.UnsupportedOperation, match="cannot change the time of 'key'"):
        fs.touch("key", truncate=False)
    with pytest.raises(ValueError, match="overwrite"):
        fs.pipe_file("key", b"2", mode="append")
    assert fs.cat_file("key") == b"1"
    fs.touch("new", truncate=False)
    fs.pipe({"a": b"1", "b": b"2"})
    assert fs.cat(["a", "b", "new"]) == {"a": b"1", "b": b"2", "new": b""}


def test_a_put_takes_no_thread_when_it_is_small(
    counted: OstFileSystem, driver: CountingStorage
) -> None:
    with counted.open("key", "wb") as file:
        file.write(b"1" * 1000)
        assert [thread for thread in threading.enumerate() if thread.name == "ost-put"] == []
    assert driver.taken() == ["put"]
