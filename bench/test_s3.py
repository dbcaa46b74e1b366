"""Single operations of the s3 plugin and of its peers, on the stub of a server. `s3_storage.py`: the long form."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

sys.path.insert(0, str(Path(__file__).parent))  # these are scripts too, which import each other so

from s3_peers import CLIENTS, MIB, Client
from s3_storage import Stub

NEEDED = {
    "ours": "ostler_s3",
    "obstore": "obstore",
    "s3fs": "s3fs",
    "boto3": "boto3",
    "minio": "minio",
    "fsspec+s3": "ostler_fsspec",
}
DATA = b"x" * 4096
LARGE = 32 * MIB
LISTED = 1500


@pytest.fixture(scope="module")
def stub() -> Iterator[Stub]:
    with Stub() as stub:
        yield stub


@pytest.fixture(params=NEEDED)
def client(request: pytest.FixtureRequest, stub: Stub) -> Client:
    needed = NEEDED[request.param]
    if importlib.util.find_spec(needed) is None:
        pytest.skip(f"there is no package `{needed}`")
    return CLIENTS[request.param](stub.endpoint, stub.bucket)


def test_put(benchmark: BenchmarkFixture, client: Client, stub: Stub) -> None:
    stub.counters()
    benchmark(client.put, "put", DATA)
    assert stub.counters()["put"] >= 1


def test_get(benchmark: BenchmarkFixture, client: Client) -> None:
    client.put("get", DATA)
    assert benchmark(client.get, "get") == DATA


def test_upload(benchmark: BenchmarkFixture, client: Client) -> None:
    benchmark.pedantic(client.upload, ("upload", LARGE), {"known": False}, rounds=3)
    assert client.download("upload") == LARGE


def test_download(benchmark: BenchmarkFixture, client: Client) -> None:
    client.upload("download", LARGE, known=True)
    assert benchmark.pedantic(client.download, ("download",), rounds=3) == LARGE


def test_list(benchmark: BenchmarkFixture, client: Client) -> None:
    for number in range(LISTED):
        client.put(f"list/{number:05}", b"1")
    assert benchmark.pedantic(client.count, ("list/",), rounds=3) == LISTED
