"""What we write an independent client reads, and the other way round: it never saw our code."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ostler.spi import Compare, Delete, KeyValue, Put, Target
from ostler_etcd.driver import EtcdDriver

from ...etcd_server import EtcdServer
from ...support import require
from .steps import DEADLINE, put

SCRIPT = Path(__file__).with_name("witness.py")


class Witness:
    """The other client. It needs the pure-Python protobuf, and so a process of its own."""

    def __init__(self, endpoint: str) -> None:
        environment = {**os.environ, "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python"}
        command = [sys.executable, str(SCRIPT), *endpoint.split(":")]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, text=True, env=environment
        )

    def ask(self, *words: Any) -> Any:
        """Have it do something; return the first line of its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        return self.told()

    def told(self) -> Any:
        """Return its next line."""
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture(scope="module")
def witness(server: EtcdServer) -> Iterator[Witness]:
    if importlib.util.find_spec("etcd3") is None:
        require("etcd3", "the package is not installed; it comes with ostler-etcd[test]")
    witness = Witness(server.endpoint)
    yield witness
    witness.close()


def as_told(item: KeyValue) -> list[Any]:
    revisions = [item.create_revision, item.mod_revision, item.version]
    return [item.value.decode(), *revisions, item.lease]


def test_it_reads_what_we_write(driver: EtcdDriver, witness: Witness) -> None:
    lease = driver.grant(60)
    keys = ["w/a", "w/b", "w/ключ"]
    driver.txn([], [Put(key, key.encode(), lease.id) for key in keys], [])
    put(driver, "w/b", b"again")
    items = driver.list("w/", start_after="", limit=9, revision=0).items
    assert witness.ask("listed", "w/") == [[item.key, *as_told(item)] for item in items]
    driver.revoke(lease.id)
    assert [key for key, *_ in witness.ask("listed", "w/")] == ["w/b"]


def test_we_read_what_it_writes(driver: EtcdDriver, witness: Witness) -> None:
    lease = witness.ask("lease", 60)
    revision = witness.ask("put", "v", "1", lease)
    assert driver.get("v") == KeyValue("v", b"1", revision, revision, 1, lease)
    driver.keep_alive(lease)
    driver.revoke(lease)
    assert witness.ask("get", "v") is None


def test_we_watch_what_it_does(driver: EtcdDriver, witness: Witness) -> None:
    with driver.watch("x/", 0) as watch:
        revision = witness.ask("put", "x/k", "1")
        assert witness.ask("delete", "x/k")
        told: list[Any] = []
        while len(told) < 2:
            told += [(event.revision, event.value is None) for event in watch.next(DEADLINE)]
    assert told == [(revision, False), (revision + 1, True)]


def test_it_watches_what_we_do(driver: EtcdDriver, witness: Witness) -> None:
    assert witness.ask("watch", "y/", 3) == "watching"
    first = driver.txn([], [Put("y/a", b"1"), Put("y/b", b"2")], []).revision
    second = driver.txn([], [Delete("y/", prefix=True)], []).revision
    assert second == first + 1
    assert witness.told() == [
        ["PutEvent", "y/a", "1", first],
        ["PutEvent", "y/b", "2", first],
        ["DeleteEvent", "y/a", "", second],
    ]


def test_comparisons_respect_each_other(driver: EtcdDriver, witness: Witness) -> None:
    revision = put(driver, "z", b"1")
    assert witness.ask("swap", "z", "1", "2")
    stale = [Compare("z", Target.MOD_REVISION, revision)]
    assert not driver.txn(stale, [Put("z", b"3")], []).succeeded
    assert driver.txn([Compare("z", Target.VALUE, b"2")], [Put("z", b"3")], []).succeeded
    assert not witness.ask("swap", "z", "2", "4")
    assert witness.ask("get", "z")[0] == "3"
