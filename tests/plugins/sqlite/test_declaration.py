from __future__ import annotations

import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from pydantic import ValidationError

import ostler_sqlite
from ostler.spi.info import SPI_VERSION, load_reference
from ostler_sqlite.settings import SqliteSettings


def test_declares_one_type_that_can_be_loaded() -> None:
    (declared,) = ostler_sqlite.ostler_kvs()
    assert (declared.name, declared.schemes) == ("sqlite", ("sqlite",))
    assert load_reference(declared.settings) is SqliteSettings
    assert callable(load_reference(declared.factory))
    assert ostler_sqlite.ostler_spi_version == SPI_VERSION


def test_declaration_imports_no_sqlite3() -> None:
    code = "import sys, ostler_sqlite; ostler_sqlite.ostler_kvs(); print('sqlite3' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert told.stdout == "False\n"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///var/lib/ostler/state.db", {"path": "/var/lib/ostler/state.db"}),
        ("sqlite:state.db", {"path": "state.db"}),
        ("sqlite:///s.db?keep_revisions=9", {"path": "/s.db", "keep_revisions": 9}),
    ],
)
def test_url(url: str, expected: dict[str, object]) -> None:
    settings = SqliteSettings.model_validate(SqliteSettings.from_url(urlsplit(url)))
    assert settings == SqliteSettings.model_validate(expected)


@pytest.mark.parametrize(
    "wrong",
    [{}, {"path": ""}, {"path": "a", "keep_revisions": 0}, {"path": "a", "cache": 1}],
)
def test_wrong_settings(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SqliteSettings.model_validate(wrong)
