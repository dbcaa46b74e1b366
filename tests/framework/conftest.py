"""Distributions made in the test: real metadata on a real path, so that nothing needs a mock."""

from __future__ import annotations

import importlib
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Install = Callable[..., None]

GOOD = "ostler_spi_version = (1, 0)\n"


def write_distribution(
    folder: Path,
    name: str,
    plugins: dict[str, str],
    *,
    version: str = "1.0",
    entry_points: str = "",
) -> None:
    """Write a distribution whose plugins are modules with these sources, by plugin name."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = ["[ostler.plugins]"]
    for plugin, source in plugins.items():
        module = re.sub(r"\W", "_", f"fake_{name}_{plugin}")
        lines.append(f"{plugin} = {module}")
        (folder / f"{module}.py").write_text(textwrap.dedent(source))
    (info / "entry_points.txt").write_text(entry_points or "\n".join(lines) + "\n")


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """``install("dist-name", {"plugin": "source of its module"})`` as pip would."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)

    def install_one(name: str, plugins: dict[str, str], **more: str) -> None:
        write_distribution(folder, name, plugins, **more)
        importlib.invalidate_caches()

    yield install_one
    for name in [name for name in sys.modules if name.startswith("fake_")]:
        del sys.modules[name]
