from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ostler.cli._exit import Exit
from ostler.cli.data import command


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OSTLER_HOME", str(tmp_path / "home"))
    return tmp_path


def call(*arguments: str, **more: Any) -> Result:
    return CliRunner().invoke(command, arguments, standalone_mode=False, **more)


def test_a_new_database_is_empty_whole_and_agrees(home: Path) -> None:
    status = json.loads(call("status", "--json").stdout)
    assert (status["commit"], status["manifest"], status["agree"]) == (0, 1, True)
    assert set(status) == {
        "cluster",
        "arbiter",
        "commit",
        "manifest",
        "checkpoint",
        "log_bytes",
        "files",
        "file_bytes",
        "entries",
        "published",
        "agree",
    }
    verified = call("verify")
    assert (verified.return_value, verified.stdout) == (Exit.SUCCESS, "")
    assert json.loads(call("checkpoint", "--json").stdout)["commit"] == 0


def test_an_export_goes_to_a_file_only_when_all_of_it_is_there(home: Path) -> None:
    call("status")
    saved = home / "saved"
    assert call("export", str(saved)).return_value is Exit.SUCCESS
    (line,) = saved.read_text().splitlines()
    assert json.loads(line)["commit"] == 0
    assert call("export").stdout == f"{line}\n"
    there = call("import", "-", "--json", input=saved.read_text())
    assert json.loads(there.stdout) == {"entries": 0, "written": 0}


def test_what_is_not_there_or_no_export_is_refused(home: Path) -> None:
    assert "there is no database here" in str(call("export").exception)
    assert "No such file" in str(call("import", str(home / "nothing")).exception)
    assert "no JSON" in str(call("import", "-", input="x").exception)
