"""The command with its state in etcd: what several terminals, or machines, would share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ..etcd_server import EtcdServer
from ..support import require

if TYPE_CHECKING:
    from .conftest import Ostler

HELLO = Path(__file__).parents[2] / "examples" / "hello"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EtcdServer]:
    if shutil.which("etcd") is None:
        require("etcd", "there is no program `etcd` (Debian's package etcd-server) on the PATH")
    with EtcdServer(tmp_path / "etcd") as started:
        yield started


def left(server: EtcdServer) -> list[Any]:
    found = server.call("kv/range", key=b"/ci/", range_end=b"/ci0", keys_only=True)
    return list(found.get("kvs", []))


def test_the_first_example(server: EtcdServer, ostler: Ostler) -> None:
    kv = ("--kv", f"etcd://{server.endpoint}/ci")
    (run,) = ostler.json("run", str(HELLO), *kv)["runs"]
    assert run["result"] == "success"
    assert [each["id"] for each in ostler.json("runs", *kv)["runs"]] == [run["id"]]
    assert "The longest names" in ostler("logs", run["id"], *kv).stdout


def test_more_tasks_than_fit_in_a_transaction(server: EtcdServer, ostler: Ostler) -> None:
    kv = ("--kv", f"etcd://{server.endpoint}/ci")
    wide = [{"name": f"wide-{n}", "steps": [{"run": "true"}]} for n in range(150)]
    last = {"name": "last", "depends": [each["name"] for each in wide], "steps": [{"run": "false"}]}
    ostler.write(*wide, last)
    (run,) = ostler.json("run", "ostler.json", "--quiet", "--jobs", "150", *kv, code=1)["runs"]
    assert run["result"] == "failed"
    (again,) = ostler.json("restart", "--failed", run["id"], "--quiet", *kv, code=1)["runs"]
    for each in (again, run):
        ostler("remove", each["id"], *kv)
    assert ostler.json("runs", *kv)["runs"] == []
    assert len(left(server)) == 1, "the counter of the project stays, and nothing else"
