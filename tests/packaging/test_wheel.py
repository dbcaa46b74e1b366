"""What is in the wheel that people install."""

from __future__ import annotations

import configparser
import importlib.util
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLUGINS = ("configfiles", "local", "memory", "posix", "sqlite", "steps")

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("hatchling") is None, reason="hatchling, which builds it, is absent"
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    options = ("--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--quiet")
    command = [sys.executable, "-m", "pip", "wheel", *options, "-w", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return zipfile.ZipFile(built)


def _sources() -> set[str]:
    roots = [ROOT / "framework", *(ROOT / "plugins" / name for name in PLUGINS)]
    return {
        str(path.relative_to(root))
        for root in roots
        for path in root.rglob("*")
        if path.is_file()
        and path.relative_to(root).parts[0].startswith("ostler")
        and "__pycache__" not in path.parts
    }


def test_it_holds_the_framework_and_the_plugins_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    packaged = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packaged == _sources()


def test_every_package_is_typed(wheel: zipfile.ZipFile) -> None:
    packages = {name.partition("/")[0] for name in wheel.namelist() if ".dist-info/" not in name}
    assert packages == {"ostler", *(f"ostler_{name}" for name in PLUGINS)}
    assert {f"{package}/py.typed" for package in packages} <= set(wheel.namelist())


def test_the_plugins_and_the_command_are_registered(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt")]
    parser = configparser.ConfigParser()
    parser.read_string(wheel.read(name).decode())
    assert dict(parser["ostler.plugins"]) == {name: f"ostler_{name}" for name in PLUGINS}
    assert dict(parser["console_scripts"]) == {"ostler": "ostler.cli:main"}
    assert dict(parser["fsspec.specs"]) == {"ost": "ostler.filesystem:OstFileSystem"}


def test_it_needs_few_things_and_carries_its_licence(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    lines = wheel.read(name).decode().splitlines()
    needed = [line for line in lines if line.startswith("Requires-Dist: ") and "extra" not in line]
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert len(needed) == len(declared) == 7
    assert "License-Expression: Apache-2.0" in lines
    assert [name for name in wheel.namelist() if name.endswith("/licenses/LICENSE")]
