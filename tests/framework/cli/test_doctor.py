from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ostler.cli import main
from ostler.cli._exit import Exit

Install = Callable[..., None]

PLUGIN = """
from pydantic import SecretStr
from ostler.spi import hookimpl, ExecutorType, KvType, Settings, StorageType
ostler_spi_version = (1, 0)

class Vault(Settings):
    path: str = ""
    size: int = 5
    password: SecretStr = SecretStr("")

_SAME = dict(summary="", settings=f"{__name__}:Vault", factory="m:f")

@hookimpl
def ostler_storages():
    return [StorageType(name="vault", schemes=("vault",), **_SAME)]

@hookimpl
def ostler_kvs():
    return [KvType(name="ledger", schemes=("ledger",), **_SAME)]

@hookimpl
def ostler_executors():
    return [ExecutorType(name="barn", **_SAME)]
"""
OURS = "configfiles,local,memory,posix,sqlite,steps"


@pytest.fixture(autouse=True)
def _instance(install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install("acme", {"vault": PLUGIN})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OSTLER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OSTLER_PLUGINS__DISABLED", OURS)
    monkeypatch.setenv("OSTLER_STORAGE", "vault:///srv?password=hunter2")
    monkeypatch.setenv("OSTLER_KV", "ledger")
    monkeypatch.setenv("OSTLER_EXECUTOR", "barn")


def _examine(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, Any]:
    code = main(["doctor", "--json", *options])
    return code, json.loads(capsys.readouterr().out)


def _facts(found: Any) -> dict[str, tuple[str, str]]:
    return {fact["name"]: (fact["value"], fact["origin"]) for fact in found["facts"]}


def test_what_is_in_force_and_from_where(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "ostler.toml").write_text("[log]\nlevel = 'info'")
    code, found = _examine(capsys)
    facts = _facts(found)
    assert (code, found["problems"]) == (Exit.SUCCESS, [])
    expected = {
        "home": (f"{tmp_path}/home", "OSTLER_HOME"),
        "log.level": ("info", "ostler.toml"),
        "log.format": ("text", "default"),
        "storage": ("vault (plugin vault)", "OSTLER_STORAGE"),
        "storage.path": ("/srv", "OSTLER_STORAGE"),
        "storage.size": ("5", "default"),
        "storage.password": ("**********", "OSTLER_STORAGE"),
        "executor": ("barn (plugin vault)", "OSTLER_EXECUTOR"),
        "plugin vault": ("ok", "acme 1.0"),
        "plugin posix": ("disabled: the settings disable it", "ostler 0.1.0"),
    }
    assert {name: facts.get(name) for name in expected} == expected


def test_nothing_is_made(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    _examine(capsys)
    assert not (tmp_path / "home").exists()


def test_wrong_settings_are_a_problem_that_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OSTLER_JOBS", "many")
    code, found = _examine(capsys)
    assert code == Exit.USAGE
    assert "jobs (OSTLER_JOBS)" in found["problems"][0]


def test_a_choice_that_is_wrong_is_told_without_its_secrets(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, found = _examine(capsys, "--storage", "vault:///srv?sise=1&password=hunter2")
    assert code == Exit.USAGE
    assert "storage.sise (--storage): there is no such setting" in found["problems"][0]
    assert _facts(found)["storage"] == ("vault:///srv?sise=1&password=***", "--storage")
    assert "hunter2" not in json.dumps(found)


def test_broken_plugins_are_problems(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    install("broken-one", {"broken": "1 / 0"})
    code, found = _examine(capsys)
    assert code == Exit.USAGE
    assert "plugin 'broken' (broken-one 1.0) failed" in found["problems"][0]


def test_a_home_that_cannot_be_made_is_a_problem(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = _examine(capsys, "--home", "/dev/null/home")
    assert code == Exit.USAGE
    assert "home '/dev/null/home' cannot be made" in found["problems"][0]


def test_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == Exit.SUCCESS
    shown = capsys.readouterr().out
    assert shown.startswith("WHAT")
    assert shown.endswith("\nno problem found\n")
