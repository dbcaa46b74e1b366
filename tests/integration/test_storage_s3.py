"""`ostler storage` between files and a real S3 server."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ..s3_servers import S3Server
from ..support import require
from .conftest import DEADLINE

if TYPE_CHECKING:
    from .conftest import Ostler


@pytest.fixture(autouse=True)
def _plugin() -> None:
    if importlib.util.find_spec("ostler_s3") is None:
        require("s3", "its plugin is not installed")


@pytest.fixture
def bucket(seaweed: S3Server) -> Iterator[str]:
    made = seaweed.make_bucket(f"ostler-{uuid.uuid4().hex}")
    yield made
    seaweed.remove_bucket(made)


def url(server: S3Server, bucket: str) -> str:
    login = f"{server.access_key}:{server.secret_key}"
    return f"s3://{login}@{bucket}/own?endpoint_url={server.endpoint_url}&region={server.region}"


def stored(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def test_there_and_back(ostler: Ostler, seaweed: S3Server, bucket: str) -> None:
    source, back = ostler.home / "storage", ostler.directory / "back"
    sizes = {"a/b": 3, "a-b": 0, "é ü": 70_000, "large": 20 << 20}
    for key, size in sizes.items():
        (source / key).parent.mkdir(parents=True, exist_ok=True)
        (source / key).write_bytes(os.urandom(size))
    place = f"{url(seaweed, bucket)}#p/"
    assert ostler.json("storage", "sync", ".", place)["copied"] == 4
    assert sorted(seaweed.keys(bucket)) == sorted(f"own/p/{key}" for key in sizes)
    assert ostler.json("storage", "sync", ".", place, "--checksum")["same"] == 4
    assert ostler.json("storage", "cp", "-r", place, f"posix://{back}")["copied"] == 4
    assert stored(back) == stored(source)

    (source / "a-b").unlink()
    (source / "large").write_bytes(b"small now")
    told = ostler.json("storage", "sync", ".", place, "--delete")
    assert (told["copied"], told["same"], told["removed"]) == (1, 2, 1)
    described = ostler.json("storage", "stat", f"{url(seaweed, bucket)}#p/large")["objects"]
    assert [(each["size"], each["storage"]) for each in described] == [(9, "s3")]
    assert ostler("storage", "ls", f"{url(seaweed, bucket)}#p").stdout == "p/a/\np/large\np/é ü\n"
    assert ostler("storage", "rm", "-ry", place).stderr == "removed 3 objects\n"
    assert seaweed.keys(bucket) == []


def test_no_secret_is_told(ostler: Ostler, seaweed: S3Server, bucket: str) -> None:
    place = f"{url(seaweed, bucket)}#nothing"
    for words in (["ls"], ["stat"], ["cat"], ["rm"], ["cp", "-r"]):
        more = ["x"] if words[0] == "cp" else []
        done = ostler("storage", *words, place, *more, code=2)
        assert "nothing" in done.stderr
        assert seaweed.secret_key not in done.stderr


def test_an_interrupted_upload_leaves_neither_object_nor_parts(
    ostler: Ostler, seaweed: S3Server, bucket: str
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "ostler", "storage", "put", "-", f"{url(seaweed, bucket)}#k"],
        cwd=ostler.directory,
        env=ostler.environment,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin
    assert process.stderr
    with process.stdin, process.stderr:
        process.stdin.write(bytes(40 << 20))  # some parts, all but the last of them on their way
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        shown = process.stderr.read()
        assert process.wait(DEADLINE) == 3
    assert b"error: stopped" in shown
    assert (seaweed.keys(bucket), seaweed.uploads(bucket)) == ([], [])


def test_a_missing_bucket_is_no_missing_object(ostler: Ostler, moto: S3Server) -> None:
    (ostler.home / "storage").mkdir(parents=True)
    (ostler.home / "storage" / "a").write_bytes(b"1")
    for words in (["sync", "."], ["cp", "a"], ["cp", "-r", "."]):
        done = ostler("storage", *words, f"{url(moto, 'no-such-bucket')}#", code=2)
        assert "no-such-bucket" in done.stderr
        assert "copied" not in done.stderr


def test_a_server_that_is_not_there_is_told(ostler: Ostler) -> None:
    """It ends: once the outage was its own cause, and telling what caused it went on for ever."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        server = f"http://127.0.0.1:{closed.getsockname()[1]}"
        place = f"s3://k:s@nobodys/own?endpoint_url={server}&retry_timeout=0"
        done = ostler("storage", "ls", place, code=4)
    assert done.stdout == ""
    assert "cannot be reached (Connection refused): check endpoint_url" in done.stderr
