from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ostler.cli import main
from ostler.cli._exit import Exit

Install = Callable[..., None]

# A storage that says nothing of a missing key: the kit must find that out.
SLOPPY = """
from ostler.spi import hookimpl, StorageType
from ostler_memory.driver import MemoryStorage
ostler_spi_version = (1, 0)

class Sloppy(MemoryStorage):
    def stat(self, key):
        return None

@hookimpl
def ostler_storages():
    return [StorageType(name="sloppy", summary="", schemes=("sloppy",),
                        settings="ostler_memory.driver:MemorySettings",
                        factory=f"{__name__}:Sloppy")]
"""

# Two types of one plugin, each with a path; one is not meant to be selected.
SHED = """
import os
from ostler.spi import hookimpl, Settings, StorageType
from ostler_memory.driver import MemoryStorage
ostler_spi_version = (1, 0)

class ShedSettings(Settings):
    path: str

class Shed(MemoryStorage):
    def __init__(self, settings):
        os.makedirs(settings.path, exist_ok=True)
        super().__init__(settings)

@hookimpl
def ostler_storages():
    same = dict(summary="", settings=f"{__name__}:ShedSettings", factory=f"{__name__}:Shed")
    return [StorageType(name="shed", schemes=("shed",), **same),
            StorageType(name="cellar", schemes=("cellar",), selectable=False, **same)]
"""


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSTLER_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def _check(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    code = main(["plugins", "check", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_good_storage_passes(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = _check(capsys, "memory")
    (report,) = found["reports"]
    assert (report["subject"], report["ok"], code) == ("storage memory", True, Exit.SUCCESS), report


def test_a_wrong_one_fails(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    install("acme", {"sloppy": SLOPPY})
    code, found = _check(capsys, "sloppy")
    failed = [item for item in found["reports"][0]["results"] if not item["ok"]]
    assert code == Exit.USAGE
    assert failed
    assert [item for item in failed if not item["message"]] == []


def test_one_type_at_a_url_of_its_own(
    install: Install, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    install("acme", {"shed": SHED})
    code, found = _check(capsys, "shed", "--type", "cellar", "--url", f"cellar://{tmp_path}/here")
    assert (code, [item["subject"] for item in found["reports"]]) == (0, ["storage cellar"])
    assert (tmp_path / "here").is_dir()


def test_all_types_in_temporary_places(
    install: Install, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    install("acme", {"shed": SHED})
    code, found = _check(capsys, "shed")
    subjects = ["storage cellar", "storage shed"]
    assert (code, [item["subject"] for item in found["reports"]]) == (0, subjects)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nothing"], "there is no plugin 'nothing'"),
        (["configfiles"], "offers no storage, key-value store or executor to be checked"),
        (["memory", "--type", "disk"], "plugin 'memory' offers no type 'disk' to be checked"),
        (["memory", "--set", "path"], "--set takes KEY=VALUE, not 'path'"),
        (["memory", "--set", "size=1"], "storage.size (--set): there is no such setting"),
        (["memory", "--url", "posix:///x"], "--url is for the storage 'posix', not 'memory'"),
        (["memory", "--url", "memory://?size=1"], "storage.size (--url): there is no such setting"),
        (["broken"], "plugin 'broken' failed: importing 'fake_acme_broken' raised"),
    ],
)
def test_what_cannot_be_checked(
    install: Install, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    install("acme", {"broken": "1 / 0"})
    assert main(["plugins", "check", *arguments]) == Exit.USAGE
    streams = capsys.readouterr()
    assert streams.out == ""
    assert expected in streams.err
