"""What people install of a plugin that is a distribution of its own: its wheel, built here."""

from __future__ import annotations

import configparser
import importlib.util
import re
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from .support import require

__all__ = ["Wheel", "build_wheel"]

_PLUGINS = Path(__file__).parents[1] / "plugins"


class Wheel:
    """A wheel and the plugin that it was built of.

    :param plugin: the directory of the plugin.
    """

    def __init__(self, plugin: Path, built: Path) -> None:
        self._plugin, self._wheel = plugin, zipfile.ZipFile(built)

    def check_files(self) -> None:
        """The package is in it, with its types, and nothing else."""
        package = f"ostler_{self._plugin.name}"
        packaged = {name for name in self._wheel.namelist() if ".dist-info/" not in name}
        files = (path for path in (self._plugin / package).iterdir() if path.is_file())
        assert packaged == {f"{package}/{path.name}" for path in files}
        assert f"{package}/py.typed" in packaged

    def plugins(self) -> Mapping[str, str]:
        """Return what it registers with Ostler: name → module."""
        parser = configparser.ConfigParser()
        parser.read_string(self._metadata("entry_points.txt"))
        return dict(parser["ostler.plugins"])

    def needs(self) -> Sequence[str]:
        """Return the names of the distributions that it needs, those of extras excepted."""
        lines = self._metadata("METADATA").splitlines()
        needed = [line for line in lines if line.startswith("Requires-Dist:")]
        return [re.split("[<>=]", line.split()[1])[0] for line in needed if "extra ==" not in line]

    def _metadata(self, name: str) -> str:
        (path,) = [each for each in self._wheel.namelist() if each.endswith(f".dist-info/{name}")]
        return self._wheel.read(path).decode()


def build_wheel(name: str, folder: Path) -> Wheel:
    """Build the plugin ``name`` into ``folder``; skip the test where the builder is absent."""
    if importlib.util.find_spec("hatchling") is None:
        require("hatchling", "it builds the wheels, and is absent")
    options = ("--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--quiet")
    plugin = _PLUGINS / name
    command = [sys.executable, "-m", "pip", "wheel", *options, "-w", str(folder), str(plugin)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return Wheel(plugin, built)
