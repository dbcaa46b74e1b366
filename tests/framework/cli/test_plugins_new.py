from __future__ import annotations

from pathlib import Path

import pytest

from ostler.cli import main
from ostler.cli._exit import Exit


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_files_are_named_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "new", "hay-loft"]) == Exit.SUCCESS
    streams = capsys.readouterr()
    expected = [
        "ostler-hay-loft/pyproject.toml",
        "ostler-hay-loft/README.md",
        "ostler-hay-loft/ostler_hay_loft/__init__.py",
        "ostler-hay-loft/ostler_hay_loft/driver.py",
        "ostler-hay-loft/tests/test_conformance.py",
        "ostler-hay-loft/ostler_hay_loft/py.typed",
    ]
    assert streams.out.splitlines() == expected
    assert "pip install -e ostler-hay-loft" in streams.err


def test_no_placeholder_is_left(tmp_path: Path) -> None:
    main(["plugins", "new", "hay-loft", "--directory", "here"])
    texts = {path: path.read_text() for path in (tmp_path / "here").rglob("*") if path.is_file()}
    placeholders = ("@name@", "@module@", "@Class@", "@version@", "@spi_version@")
    assert [
        path for path, text in texts.items() if any(word in text for word in placeholders)
    ] == []
    assert (
        "class HayLoftStorage(StorageDriver)" in texts[tmp_path / "here/ostler_hay_loft/driver.py"]
    )


@pytest.mark.parametrize("name", ["Attic", "a_b", "-x", "x-", "1x", "a b", "../x"])
def test_a_name_that_cannot_be_a_plugins(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "new", "--", name]) == Exit.USAGE
    assert "cannot be a plugin's name" in capsys.readouterr().err


def test_what_exists_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ostler-attic").mkdir()
    (tmp_path / "ostler-attic" / "mine").write_text("")
    assert main(["plugins", "new", "attic"]) == Exit.USAGE
    assert "'ostler-attic' is not empty" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "ostler-attic").iterdir()] == ["mine"]
