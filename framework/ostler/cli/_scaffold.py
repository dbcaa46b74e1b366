"""Writing the package of a new plugin."""

from __future__ import annotations

import os
import re
from importlib import resources

from ostler import __version__
from ostler.errors import BadRequest, Conflict
from ostler.spi.info import SPI_VERSION

__all__ = ["write"]

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_PLACES = {
    "pyproject.toml.txt": "pyproject.toml",
    "README.md.txt": "README.md",
    "declaration.py.txt": "@module@/__init__.py",
    "driver.py.txt": "@module@/driver.py",
    "test_conformance.py.txt": "tests/test_conformance.py",
}


def write(name: str, directory: str) -> list[str]:
    """Write a package for a storage plugin ``name`` into ``directory``, and return the files' paths.

    :raises BadRequest: the name cannot be a plugin's.
    :raises Conflict: the directory exists and is not empty.
    """
    if not _NAME.fullmatch(name):
        raise BadRequest(
            f"{name!r} cannot be a plugin's name: write lower-case words joined by '-'"
        )
    if os.path.exists(directory) and os.listdir(directory):
        raise Conflict(f"{directory!r} is not empty: name another with --directory")
    words = _words(name)
    written = []
    for source, place in _PLACES.items():
        path = os.path.join(directory, _filled(place, words))
        _write(path, _filled(_template(source), words))
        written.append(path)
    marker = os.path.join(directory, words["module"], "py.typed")
    _write(marker, "")
    return [*written, marker]


def _words(name: str) -> dict[str, str]:
    return {
        "name": name,
        "module": f"ostler_{name.replace('-', '_')}",
        "Class": "".join(part.capitalize() for part in name.split("-")),
        "version": __version__,
        "spi_version": str(SPI_VERSION),
    }


def _template(source: str) -> str:
    return resources.files("ostler.cli").joinpath("_template", source).read_text("utf-8")


def _filled(text: str, words: dict[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    return text


def _write(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "x", encoding="utf-8") as file:
        file.write(text)
