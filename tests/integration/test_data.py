"""`ostler data`, on a home in which something ran."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .test_run import run

if TYPE_CHECKING:
    from .conftest import Ostler


@pytest.fixture
def used(ostler: Ostler) -> Ostler:
    path = ostler.write({"name": "t", "steps": [run("true")]})
    ostler("run", str(path))
    return ostler


def objects(ostler: Ostler, prefix: str) -> list[Path]:
    return sorted((ostler.home / "storage" / prefix).iterdir())


def spoil(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_status_checkpoint_and_collection(used: Ostler) -> None:
    status = used.json("data", "status")
    assert (status["commit"], status["checkpoint"], status["agree"]) == (2, 0, True)
    assert used.json("data", "checkpoint")["commit"] == 2
    status = used.json("data", "status")
    assert (status["checkpoint"], status["manifest"], status["files"]) == (2, 2, 3)
    assert used.json("data", "gc") == {"commits": 0, "manifests": 0, "files": 0}
    assert "checkpoint" in used("data", "status").stdout
    assert len(used.json("runs")["runs"]) == 1


def test_verify_lists_what_is_damaged_also_when_nothing_else_works(used: Ostler) -> None:
    assert used.json("data", "verify") == {"problems": []}
    newest = objects(used, "wal")[-1]
    spoil(newest)
    (problem,) = used.json("data", "verify", code=4)["problems"]
    assert problem["object"] == f"wal/{newest.name}"
    assert "ostler data export" in used("runs", code=4).stderr


def test_export_saves_what_is_whole_and_import_brings_it_back(used: Ostler) -> None:
    (told,) = used.json("runs")["runs"]
    saved = used.directory / "saved"
    used("data", "export", str(saved))
    elsewhere = ["--home", str(used.directory / "new")]
    assert used.json("data", "import", str(saved), *elsewhere) == {"entries": 3, "written": 3}
    assert used.json("runs", *elsewhere)["runs"] == [told]
    refused = used("data", "import", str(saved), *elsewhere, code=2)
    assert "has entries already" in refused.stderr
    assert used.json("data", "import", "--merge", str(saved), *elsewhere)["written"] == 0
    (again,) = used.json("restart", told["id"], *elsewhere)["runs"]
    assert again["counter"] == 2

    spoil(objects(used, "wal")[-1])
    done = used("data", "export", code=4)
    assert "Commits 2 to 2 are not saved" in done.stderr
    lines: list[Any] = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[0]["commit"] == 1
    assert [line["type"] for line in lines[1:]] == ["reservation", "runconfig", "runcounter"]
    assert used("data", "export", "--up-to", "1").stdout == done.stdout


def test_runs_are_chosen(used: Ostler) -> None:
    used("run", str(used.write({"name": "t", "steps": [run("exit 1")]})), code=1)
    failed, succeeded = used.json("runs")["runs"]
    group = succeeded["group"].rpartition("/run/")[0]
    chosen = ["--result", "failed", "--phase", "finished", "--group", group]
    assert used.json("runs", *chosen) == {"runs": [failed], "after": ""}
    assert used.json("runs", "--annotation", "reason") == {"runs": [], "after": ""}
    assert "leave out" in used("runs", "latest", "--phase", "queued", code=2).stderr


def test_runs_are_paged(used: Ostler) -> None:
    used("run", str(used.write({"name": "t", "steps": [run("true")]})))
    newer, older = used.json("runs")["runs"]
    page = used.json("runs", "--limit", "1")
    assert page == {"runs": [newer], "after": newer["id"]}
    page = used.json("runs", "--limit", "1", "--after", page["after"])
    assert page == {"runs": [older], "after": ""}
    assert f"--after {newer['id']}" in used("runs", "-n", "1").stderr


def test_runs_survive_the_key_value_store(used: Ostler) -> None:
    (told,) = used.json("runs")["runs"]
    for path in used.home.glob("ostler.db*"):
        if path.is_file():
            path.unlink()
    assert used.json("runs")["runs"] == [told]
    assert used("logs", "latest").stderr.startswith("== t: setup")
    (again,) = used.json("restart", "latest")["runs"]
    assert again["counter"] == 2
