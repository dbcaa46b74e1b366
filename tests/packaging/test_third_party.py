"""Plugins of other people: the example, and what `ostler plugins new` writes."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "third-party-plugin"

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("hatchling") is None, reason="hatchling, which builds them, is absent"
)


def _run(site: Path, *command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": str(site), "OSTLER_HOME": str(site / "home")}
    return subprocess.run(
        [sys.executable, "-m", *command], env=environ, cwd=cwd, capture_output=True, text=True
    )


def _scaffold(folder: Path) -> Path:
    done = _run(folder, "ostler", "plugins", "new", "attic", "--directory", "attic", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "attic"


def _copy(folder: Path) -> Path:
    ignored = shutil.ignore_patterns("__pycache__", ".*")
    return Path(shutil.copytree(EXAMPLE, folder / "onefile", ignore=ignored))


@pytest.mark.parametrize(("name", "make"), [("attic", _scaffold), ("onefile", _copy)])
def test_it_installs_is_found_and_passes(name: str, make: object, tmp_path: Path) -> None:
    assert callable(make)
    project, site = make(tmp_path), tmp_path / "site"
    options = ("--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--quiet")
    done = _run(site, "pip", "install", *options, "--target", str(site), ".", cwd=project)
    assert done.returncode == 0, done.stderr

    shown = _run(site, "ostler", "plugins", "show", name, cwd=tmp_path)
    assert shown.stdout.startswith(f"{name}: ok\n"), shown

    tests = _run(site, "pytest", "-q", "-p", "no:cacheprovider", "tests", cwd=project)
    assert tests.returncode == 0, tests.stdout

    checked = _run(site, "ostler", "plugins", "check", name, cwd=tmp_path)
    assert checked.returncode == 0, f"{checked.stdout}{checked.stderr}"
    assert checked.stdout.startswith(f"storage {name}: ")
