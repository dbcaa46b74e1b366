"""The tools that people use it with."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from ostler.filesystem import OstFileSystem

from ...support import require
from .drivers import CountingStorage

ROWS = 3000


def _tool(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        require(name.partition(".")[0], "it is not installed")


@pytest.fixture(scope="module")
def pandas() -> Any:
    _tool("pyarrow")
    return _tool("pandas")


@pytest.fixture(scope="module")
def parquet() -> Any:
    return _tool("pyarrow.parquet")


@pytest.fixture(scope="module")
def dataset() -> Any:
    return _tool("pyarrow.dataset")


@pytest.fixture(scope="module")
def frame(pandas: Any) -> Any:
    return pandas.DataFrame(
        {
            "number": range(ROWS),
            "name": [f"name {number}" for number in range(ROWS)],
            "part": [number % 3 for number in range(ROWS)],
        }
    )


@pytest.mark.parametrize("name", ["table.parquet", "a b/100%/q?x#y.parquet"])
def test_pandas_parquet(pandas: Any, frame: Any, options: dict[str, Any], name: str) -> None:
    url = f"ost://tables/{name}"
    frame.to_parquet(url, storage_options=options)
    assert pandas.read_parquet(url, storage_options=options).equals(frame)
    part = pandas.read_parquet(url, storage_options=options, columns=["part"])
    assert part.equals(frame[["part"]])


@pytest.mark.parametrize("name", ["table.csv", "table.csv.gz", "table.csv.zip"])
def test_pandas_csv(pandas: Any, frame: Any, options: dict[str, Any], name: str) -> None:
    frame.to_csv(f"ost://{name}", storage_options=options, index=False)
    assert pandas.read_csv(f"ost://{name}", storage_options=options).equals(frame)
    chunks = pandas.read_csv(f"ost://{name}", storage_options=options, chunksize=700)
    assert pandas.concat(chunks).equals(frame)


def test_pandas_json_and_pickle(pandas: Any, frame: Any, options: dict[str, Any]) -> None:
    frame.to_json("ost://t.jsonl", storage_options=options, orient="records", lines=True)
    found = pandas.read_json("ost://t.jsonl", storage_options=options, lines=True)
    assert found.equals(frame)
    frame.to_pickle("ost://t.pickle", storage_options=options)
    assert pandas.read_pickle("ost://t.pickle", storage_options=options).equals(frame)


class _Fails:
    def __str__(self) -> str:
        raise ArithmeticError("a cell that cannot be written")


@pytest.mark.parametrize("rows", [1, 200_000])
def test_a_csv_that_cannot_be_written_is_not_stored(
    pandas: Any, options: dict[str, Any], rows: int
) -> None:
    bad = pandas.DataFrame({"cell": [*["x" * 50] * rows, _Fails()]}, dtype=object)
    with pytest.raises(ArithmeticError):
        bad.to_csv("ost://t.csv", storage_options=options)
    assert OstFileSystem(**options).find("") == []


def test_partitioned_parquet(pandas: Any, frame: Any, options: dict[str, Any]) -> None:
    frame.to_parquet("ost://parts", storage_options=options, partition_cols=["part"])
    assert OstFileSystem(**options).ls("parts", detail=False) == [
        f"parts/part={number}" for number in range(3)
    ]
    found = pandas.read_parquet("ost://parts", storage_options=options, filters=[("part", "=", 2)])
    assert sorted(found["number"]) == list(range(2, ROWS, 3))


def test_a_dataset_of_many_files(fs: OstFileSystem, dataset: Any, frame: Any, parquet: Any) -> None:
    table = _tool("pyarrow").Table.from_pandas(frame)
    for number in range(20):
        with fs.open(f"many/day={number:02}/part.parquet", "wb") as file:
            parquet.write_table(table.slice(number * 150, 150), file)
    found = dataset.dataset("many", filesystem=fs, partitioning="hive", format="parquet")
    assert (len(found.files), found.count_rows()) == (20, ROWS)
    some = found.to_table(filter=dataset.field("day") == 7)
    assert some["number"].to_pylist() == list(range(7 * 150, 8 * 150))


def test_rewriting_a_dataset_removes_what_was_there(
    fs: OstFileSystem, dataset: Any, frame: Any
) -> None:
    table = _tool("pyarrow").Table.from_pandas(frame)
    fs.pipe_file("out/0/old.parquet", b"no parquet at all")
    options = {
        "filesystem": fs,
        "format": "parquet",
        "partitioning": ["part"],
        "existing_data_behavior": "delete_matching",
    }
    for _ in range(2):
        dataset.write_dataset(table, "out", **options)
        assert fs.find("out") == [f"out/{number}/part-0.parquet" for number in range(3)]
    assert dataset.dataset("out", filesystem=fs).count_rows() == ROWS


def _write_and_fail(parquet: Any, fs: OstFileSystem, table: Any) -> None:
    with parquet.ParquetWriter("t.parquet", table.schema, filesystem=fs) as writer:
        writer.write_table(table)
        raise ArithmeticError


def test_a_parquet_file_that_is_not_finished_is_not_stored(
    fs: OstFileSystem, parquet: Any, frame: Any
) -> None:
    table = _tool("pyarrow").Table.from_pandas(frame)
    with pytest.raises(ArithmeticError):
        _write_and_fail(parquet, fs, table)
    assert fs.find("") == []


def test_pyarrow_file_system(fs: OstFileSystem) -> None:
    arrow = _tool("pyarrow.fs")
    found = arrow.PyFileSystem(arrow.FSSpecHandler(fs))
    with found.open_output_stream("d/a") as stream:
        stream.write(b"12345")
    found.copy_file("d/a", "d/b")
    found.move("d/b", "e/c")
    infos = found.get_file_info(arrow.FileSelector("", recursive=True))
    assert [(info.path, info.type.name, info.size) for info in infos] == [
        ("d", "Directory", None),
        ("d/a", "File", 5),
        ("e", "Directory", None),
        ("e/c", "File", 5),
    ]
    assert infos[1].mtime == fs.modified("d/a")
    with found.open_input_file("d/a") as file:
        assert (file.size(), file.read_at(2, 1)) == (5, b"23")
    found.delete_dir("d")
    found.delete_file("e/c")
    assert found.get_file_info("d/a").type == arrow.FileType.NotFound
    with pytest.raises(FileNotFoundError):
        found.open_input_stream("d/a")


def test_reading_some_columns_fetches_little_more(
    counted: OstFileSystem, driver: CountingStorage, pandas: Any
) -> None:
    rows = 200_000
    columns = {name: range(number, rows + number) for number, name in enumerate("abcdefgh")}
    pandas.DataFrame(columns).to_parquet(
        "t.parquet", filesystem=counted, row_group_size=50_000, compression=None
    )
    driver.ranges.clear()
    found = pandas.read_parquet("t.parquet", filesystem=counted, columns=["c"])
    assert list(found["c"][:3]) == [2, 3, 4]
    fetched = sum((end or 0) - start for start, end in driver.ranges)
    assert fetched < counted.size("t.parquet") / 6


@pytest.fixture
def duck(fs: OstFileSystem) -> Iterator[Any]:
    connection = _tool("duckdb").connect()
    connection.register_filesystem(fs)
    yield connection
    connection.close()


def test_duckdb(duck: Any, fs: OstFileSystem, frame: Any) -> None:
    frame.to_parquet("t/frame.parquet", filesystem=fs)
    frame.to_parquet("t/parts", filesystem=fs, partition_cols=["part"])
    query = "select count(*), sum(number) from read_parquet('ost://t/frame.parquet')"
    assert duck.sql(query).fetchall() == [(ROWS, ROWS * (ROWS - 1) // 2)]
    query = (
        "select count(*) from read_parquet('ost://t/parts/*/*.parquet', hive_partitioning = true)"
        " where part = 1"
    )
    assert duck.sql(query).fetchall() == [(ROWS // 3,)]


def test_duckdb_writes(duck: Any, fs: OstFileSystem) -> None:
    duck.sql("copy (select range as x from range(1000)) to 'ost://d/x.parquet' (format parquet)")
    duck.sql("copy (select range as x from range(3)) to 'ost://d/x.csv'")
    assert fs.find("") == ["d/x.csv", "d/x.parquet"]
    assert fs.cat_file("d/x.csv") == b"x\n0\n1\n2\n"
    assert duck.sql("select sum(x) from 'ost://d/x.parquet'").fetchall() == [(499_500,)]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_duckdb_keeps_what_was_there_when_a_query_fails(
    duck: Any, fs: OstFileSystem, kind: str
) -> None:
    fs.pipe_file("old", b"old")
    rows = "select case when range = 999999 then error('boom') else hash(range) end as x"
    for key in ("old", "new"):
        with pytest.raises(_tool("duckdb").Error, match="boom"):
            duck.sql(
                f"copy ({rows} from range(1000000)) to 'ost://{key}' "
                f"(format {kind}, use_tmp_file true)"
            )
    assert fs.cat(fs.find("")) == {"old": b"old"}


def test_caches_of_fsspec(options: dict[str, Any], fs: OstFileSystem, tmp_path: Path) -> None:
    fs.pipe_file("key", b"first")
    cache = fsspec.filesystem(
        "filecache", fs=fs, cache_storage=str(tmp_path / "cache"), check_files=True
    )
    assert cache.cat_file("key") == b"first"
    fs.pipe_file("key", b"second one")
    assert cache.cat_file("key") == b"second one"
