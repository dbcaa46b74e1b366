"""`ostler storage` in this process, in a directory of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ostler.cli import main


class Done(NamedTuple):
    code: int
    out: str
    err: str


class Storage:
    """Calls the command through the real group; keys lie below ``home/storage``."""

    def __init__(self, directory: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.directory = directory
        self._capture = capture

    def __call__(self, *arguments: str, code: int = 0) -> Done:
        self._capture.readouterr()
        returned = main(["storage", *arguments])
        done = Done(returned, *self._capture.readouterr())
        assert done.code == code, done
        return done

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", code=code).out)

    def url(self, name: str, key: str = "") -> str:
        return f"posix://{self.directory / name}#{key}"

    def fill(self, *keys: str, place: str = "home/storage", data: str = "12345") -> None:
        for key in keys:
            path = self.directory / place / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(data)

    def keys(self, name: str = "home/storage") -> list[str]:
        root = self.directory / name
        found = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
        return sorted(str(path) for path in found if not str(path).startswith(".ostler"))


@pytest.fixture
def storage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Storage:
    monkeypatch.setenv("OSTLER_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return Storage(tmp_path, capsys)
