"""The framework alone on the path, with no distribution of ours and so with no plugin."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FRAMEWORK = Path(__file__).parents[3] / "framework"
DEPENDENCIES = (
    *("annotated_types", "click", "pluggy", "pydantic", "pydantic_core", "typing_extensions"),
    *("typing_inspection", "yaml", "_yaml", "rich", "markdown_it", "mdurl", "pygments"),
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with links to what the framework imports, and no metadata at all."""
    folder = tmp_path_factory.mktemp("site")
    for name in DEPENDENCIES:
        spec = importlib.util.find_spec(name)
        assert spec is not None, name
        assert spec.origin is not None, name
        origin = Path(spec.origin)
        package = origin.parent if origin.name.startswith("__init__") else origin
        (folder / package.name).symlink_to(package)
    return folder


def _ostler(site: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONPATH": os.pathsep.join([str(FRAMEWORK), str(site)]),
    }
    command = [sys.executable, "-S", "-m", "ostler", *arguments]
    return subprocess.run(command, env=environ, cwd=home, capture_output=True, text=True)


def test_help_works(site: Path, tmp_path: Path) -> None:
    assert _ostler(site, tmp_path, "--help").returncode == 0


def test_there_are_no_plugins_and_it_says_so(site: Path, tmp_path: Path) -> None:
    done = _ostler(site, tmp_path, "plugins", "list")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == (
        "there are no plugins: without them nothing can run; try: pip install ostler\n"
    )
    listed = _ostler(site, tmp_path, "plugins", "list", "--json")
    assert json.loads(listed.stdout) == {"plugins": [], "problems": []}


def test_what_the_settings_name_is_told_with_how_to_install_it(site: Path, tmp_path: Path) -> None:
    done = _ostler(site, tmp_path, "doctor")
    assert done.returncode == 2
    problems = [line for line in done.stdout.splitlines() if line.startswith("problem: ")]
    assert problems == [
        f"problem: no {kind} {name!r} is installed; none is installed at all; "
        "try: pip install ostler"
        for kind, name in (
            ("storage", "posix"),
            ("key-value store", "sqlite"),
            ("executor", "local"),
        )
    ]
