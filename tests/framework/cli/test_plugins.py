from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ostler.cli import main
from ostler.cli._exit import Exit

Install = Callable[..., None]

VAULT = """
from pydantic import Field, SecretStr
from ostler.spi import hookimpl, Settings, StorageType
ostler_spi_version = (1, 0)

class VaultSettings(Settings):
    path: str
    depth: int = Field(default=2, description="levels of directories")
    password: SecretStr = SecretStr("hunter2")

def make(settings): ...

@hookimpl
def ostler_storages():
    return [StorageType(name="vault", summary="a vault", schemes=("vault",), selectable=False,
                        settings=f"{__name__}:VaultSettings", factory=f"{__name__}:make")]
"""


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSTLER_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def _json(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def _listed(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    listed = _json(capsys, "plugins", "list", *options)
    return {item["name"]: item for item in listed["plugins"]}


def test_list_imports_nothing(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    install("acme", {"broken": "1 / 0"}, version="4.2")
    assert _listed(capsys)["broken"] == {
        "name": "broken",
        "distribution": "acme",
        "version": "4.2",
        "target": "fake_acme_broken",
        "state": "discovered",
        "reason": "",
        "remedy": "",
    }
    assert "fake_acme_broken" not in sys.modules


def test_list_shows_what_metadata_tell(
    install: Install, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    install("acme", {"twin": VAULT, "off": VAULT})
    install("zenith", {"twin": VAULT})
    monkeypatch.setenv("OSTLER_PLUGINS__DISABLED", "off")
    listed = _listed(capsys)
    assert (listed["twin"]["state"], listed["off"]["state"]) == ("duplicate", "disabled")


def test_list_loads_when_asked(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    install("acme", {"broken": "1 / 0", "vault": VAULT})
    listed = _json(capsys, "plugins", "list", "--load")
    states = {item["name"]: item["state"] for item in listed["plugins"]}
    assert (states["broken"], states["vault"]) == ("failed", "ok")
    assert "broken" in [item["plugin"] for item in listed["problems"]]


def test_list_is_a_table_for_people(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    install("acme", {"broken": "1 / 0"})
    assert main(["plugins", "list", "--load"]) == 0
    streams = capsys.readouterr()
    lines = [line.split(None, 4) for line in streams.out.splitlines()]
    assert lines[0] == ["NAME", "VERSION", "DISTRIBUTION", "STATE", "REASON"]
    assert ["broken", "1.0", "acme", "failed"] in [line[:4] for line in lines]
    assert "problem: plugin 'broken' (acme 1.0) failed: importing" in streams.err


def test_strict_settings_do_not_keep_from_looking(
    install: Install, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    install("acme", {"broken": "1 / 0"})
    monkeypatch.setenv("OSTLER_PLUGINS__STRICT", "true")
    assert _listed(capsys, "--load")["broken"]["state"] == "failed"


def test_show(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    install("acme", {"vault": VAULT})
    (shown,) = _json(capsys, "plugins", "show", "vault")["plugins"]
    assert (shown["state"], shown["spi_version"], shown["hooks"]) == (
        "ok",
        "1.0",
        ["ostler_storages"],
    )
    (storage,) = shown["offers"]["storages"]
    assert (storage["schemes"], storage["selectable"]) == (["vault"], False)
    assert storage["settings"] == [
        {"name": "path", "required": True, "default": None, "description": ""},
        {
            "name": "depth",
            "required": False,
            "default": "2",
            "description": "levels of directories",
        },
        {"name": "password", "required": False, "default": "**********", "description": ""},
    ]


def test_show_for_people(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    install("acme", {"vault": VAULT})
    assert main(["plugins", "show", "vault"]) == 0
    assert capsys.readouterr().out == (
        "vault: ok\n"
        "  from: acme 1.0 (fake_acme_vault)\n"
        "  plugin interface: 1.0\n"
        "  hooks: ostler_storages\n"
        "  storages: vault: a vault\n"
        "    URLs: vault:\n"
        "    not meant to be selected; needs plugins.allow_unselectable\n"
        "    path (required)\n"
        "    depth (default 2): levels of directories\n"
        "    password (default **********)\n"
    )


def test_show_of_a_broken_plugin_says_why_and_what_to_do(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("acme", {"broken": "1 / 0"})
    assert main(["plugins", "show", "broken"]) == 0
    shown = capsys.readouterr().out
    assert "reason: importing 'fake_acme_broken' raised ZeroDivisionError" in shown
    assert "remedy: upgrade or uninstall acme, or add 'broken' to plugins.disabled" in shown


def test_show_of_settings_that_cannot_be_imported(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("acme", {"vault": VAULT.replace("__name__}:VaultSettings", "__name__}:Nothing")})
    assert main(["plugins", "show", "vault"]) == 0
    assert "settings: cannot load 'fake_acme_vault:Nothing'" in capsys.readouterr().out


def test_a_plugin_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "show", "nothing-like-it"]) == Exit.USAGE
    assert "error: there is no plugin 'nothing-like-it'" in capsys.readouterr().err
