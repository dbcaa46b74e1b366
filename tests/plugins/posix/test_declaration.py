from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pydantic import ValidationError

import ostler_posix
from ostler.spi.info import load_reference
from ostler_posix.settings import PosixSettings


def test_offers_posix_and_the_unselectable_posixflat() -> None:
    offered = {
        kind.name: (kind.schemes, kind.selectable) for kind in ostler_posix.ostler_storages()
    }
    assert offered == {"posix": (("posix",), True), "posixflat": (("posixflat",), False)}


def test_its_references_make_drivers(tmp_path: Path) -> None:
    for kind in ostler_posix.ostler_storages():
        settings = load_reference(kind.settings)(path=str(tmp_path / kind.name))
        driver = load_reference(kind.factory)(settings)
        assert driver.capabilities.flat is (kind.name == "posixflat")
        driver.close()


def test_settings_from_a_url() -> None:
    fields = PosixSettings.from_url(urlsplit("posix:///srv/o%20st?persist=false"))
    assert PosixSettings.model_validate(fields) == PosixSettings(path="/srv/o st", persist=False)


def test_a_relative_path_and_a_home_directory_become_absolute(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert PosixSettings(path="some/where").path == str(tmp_path / "some/where")
    assert PosixSettings(path="~/ost").path == str(tmp_path / "ost")


@pytest.mark.parametrize("fields", [{}, {"path": ""}, {"path": "/x", "unknown": 1}])
def test_wrong_settings_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PosixSettings.model_validate(fields)
