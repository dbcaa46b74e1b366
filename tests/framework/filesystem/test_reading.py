from __future__ import annotations

import io
import pickle
from typing import Any

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostler.clock import SystemClock
from ostler.filesystem import OstFileSystem
from ostler.ost import ObjectStorage
from ostler_memory.driver import MemorySettings

from .drivers import CountingStorage

SIZE = 5000
DATA = bytes(n % 251 for n in range(SIZE))

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.integers(-1, SIZE)),
        st.tuples(st.just("seek"), st.integers(0, SIZE + 10)),
        st.tuples(st.just("end"), st.integers(-SIZE, 10)),
        st.tuples(st.just("on"), st.integers(0, 300)),
        st.tuples(st.just("line"), st.just(0)),
    ),
    max_size=25,
)


@given(
    STEPS, st.sampled_from([1, 10, 64, 700, 10_000]), st.sampled_from(["ost", "readahead", "none"])
)
def test_a_file_reads_as_bytes_do(steps: list[tuple[str, int]], block: int, cache: str) -> None:
    driver = CountingStorage(MemorySettings())
    with ObjectStorage(driver, clock=SystemClock()) as storage:
        storage.put("key", DATA)
        model = io.BytesIO(DATA)
        fs = OstFileSystem(storage, skip_instance_cache=True)
        with fs.open("key", block_size=block, cache_type=cache) as file:
            for step, number in steps:
                assert _step(file, step, number) == _step(model, step, number)
                assert file.tell() == model.tell()


def _step(file: Any, step: str, number: int) -> Any:
    if step == "read":
        return file.read(number)
    if step == "line":
        return file.readuntil(b"\x0a", 7) if hasattr(file, "readuntil") else file.readline()
    return file.seek(number, {"seek": 0, "on": 1, "end": 2}[step])


def test_reading_in_order_reads_ahead(counted: OstFileSystem, driver: CountingStorage) -> None:
    counted.pipe_file("key", bytes(32 << 20))
    with counted.open("key") as file:
        while file.read(10_000):
            pass
    assert len(driver.ranges) <= 10


def test_jumping_about_does_not(counted: OstFileSystem, driver: CountingStorage) -> None:
    counted.pipe_file("key", bytes(32 << 20))
    with counted.open("key") as file:
        for at in (20 << 20, 5 << 20, 11 << 20):
            file.seek(at)
            file.read(100_000)
    assert [(end or 0) - start for start, end in driver.ranges] == [100_000] * 3


def test_a_footer_is_fetched_once(counted: OstFileSystem, driver: CountingStorage) -> None:
    counted.pipe_file("key", bytes(1 << 20))
    with counted.open("key") as file:
        file.seek(-8, 2)
        file.read(8)
        file.seek(-5000, 2)
        file.read(4992)
    assert driver.ranges == [((1 << 20) - (1 << 16), 1 << 20)]


def test_a_file_is_one_version(fs: OstFileSystem) -> None:
    fs.pipe_file("key", b"a" * 100)
    with fs.open("key", block_size=10) as file:
        assert file.read(10) == b"a" * 10
        fs.pipe_file("key", b"b" * 100)
        file.seek(50)
        with pytest.raises(OSError, match="was replaced while it was read"):
            file.read(10)


def test_one_opened_with_its_size_is_one_version_from_the_first_read(fs: OstFileSystem) -> None:
    fs.pipe_file("key", b"a" * 100)
    with fs.open("key", block_size=10, size=100) as file:
        assert file.read(10) == b"a" * 10
        fs.pipe_file("key", b"b" * 100)
        with pytest.raises(OSError, match="was replaced"):
            file.read(50)
    with fs.open("key", size=99) as file, pytest.raises(OSError, match="was replaced"):
        file.read()


def test_what_cannot_be_opened(fs: OstFileSystem) -> None:
    fs.pipe_file("d/a", b"")
    with pytest.raises(FileNotFoundError):
        fs.open("missing")
    with pytest.raises(IsADirectoryError):
        fs.open("d")
    with pytest.raises(ValueError, match="is not a key"):
        fs.open("d//a")


def test_an_open_file_can_be_pickled(fs: OstFileSystem) -> None:
    fs.pipe_file("key", DATA)
    with fs.open("key") as file:
        file.seek(100)
        with pickle.loads(pickle.dumps(file)) as again:
            assert (again.tell(), again.read()) == (100, DATA[100:])
            assert again.cache.name == file.cache.name == "ost"


@pytest.mark.parametrize("start", [None, 0, 10, SIZE, SIZE + 5, -1, -10, -SIZE - 5])
@pytest.mark.parametrize("end", [None, 0, 5, 20, SIZE, SIZE + 5, -1, -5, -SIZE - 5])
def test_slices(fs: OstFileSystem, start: int | None, end: int | None) -> None:
    fs.pipe_file("key", DATA)
    assert fs.cat_file("key", start, end) == DATA[start:end]


def test_ranges_of_many(fs: OstFileSystem) -> None:
    keys = [f"k{number}" for number in range(40)]
    for key in keys:
        fs.pipe_file(key, key.encode() * 10)
    found = fs.cat_ranges([*keys, "missing"], 1, 4)
    assert found[:-1] == [(key.encode() * 10)[1:4] for key in keys]
    assert isinstance(found[-1], FileNotFoundError)
    assert fs.cat_ranges(["k1", "k2"], [0, 2], [2, None], max_gap=10) == [b"k1", b"k2" * 9]
    with pytest.raises(FileNotFoundError):
        fs.cat_ranges(["missing", "k1"], 0, 1, on_error="raise")
    with pytest.raises(ValueError, match="shorter"):
        fs.cat_ranges(["k1", "k2"], [0], [1])


def test_many_at_once(fs: OstFileSystem) -> None:
    for key in ("d/a", "d/b", "d/s/c"):
        fs.pipe_file(key, key.encode())
    assert fs.cat("d/a") == b"d/a"
    assert fs.cat(["d/a", "d/b"]) == fs.cat("d/*b") | {"d/a": b"d/a"}
    assert fs.cat("d", recursive=True) == {key: key.encode() for key in ("d/a", "d/b", "d/s/c")}
    assert fs.cat(["d/a", "no"], on_error="omit") == {"d/a": b"d/a"}
    assert isinstance(fs.cat(["d/a", "no"], on_error="return")["no"], FileNotFoundError)
    with pytest.raises(FileNotFoundError):
        fs.cat(["d/a", "no"])
    assert fs.head("d/a", 2) == b"d/"
    assert fs.tail("d/a", 2) == b"/a"


def test_text_compression_and_urls(options: dict[str, Any], fs: OstFileSystem) -> None:
    with fs.open("t.txt.gz", "wt", encoding="latin-1", compression="infer") as file:
        file.write("zwölf\nBoxkämpfer\n")
    assert fs.cat_file("t.txt.gz")[:2] == b"\x1f\x8b"
    with fsspec.open(
        "ost://t.txt.gz", "rt", encoding="latin-1", compression="gzip", **options
    ) as file:
        assert list(file) == ["zwölf\n", "Boxkämpfer\n"]
    for number in range(3):
        fs.pipe_file(f"logs/{number}.txt", str(number).encode())
    with fsspec.open_files("ost://logs/*", "r", **options) as files:
        assert [file.read() for file in files] == ["0", "1", "2"]


def test_a_mapping(fs: OstFileSystem) -> None:
    mapping = fs.get_mapper("root")
    mapping["a/b"] = b"1"
    mapping["c"] = b"2"
    assert sorted(mapping) == ["a/b", "c"]
    assert mapping.getitems(["a/b", "no"], on_error="omit") == {"a/b": b"1"}
    del mapping["c"]
    assert "c" not in mapping
    with pytest.raises(KeyError):
        del mapping["c"]
