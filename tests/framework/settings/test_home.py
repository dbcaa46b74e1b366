from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ostler.errors import Unavailable
from ostler.settings import default_home, ensure_home


@pytest.mark.parametrize(
    ("environ", "platform", "expected"),
    [
        ({"HOME": "/home/ada"}, "linux", "/home/ada/.local/share/ostler"),
        ({"HOME": "/home/ada", "XDG_DATA_HOME": "/data"}, "linux", "/data/ostler"),
        ({"HOME": "/home/ada", "XDG_DATA_HOME": "data"}, "linux", "/home/ada/.local/share/ostler"),
        ({"HOME": "/Users/ada"}, "darwin", "/Users/ada/Library/Application Support/ostler"),
    ],
)
def test_default_home(environ: dict[str, str], platform: str, expected: str) -> None:
    assert default_home(environ, platform) == expected


def test_home_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    home = ensure_home(str(tmp_path / "a" / "home"))
    assert stat.S_IMODE(os.stat(home).st_mode) == 0o700
    assert ensure_home(home) == home


def test_a_home_that_exists_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    ensure_home(str(tmp_path))
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o750


def test_a_home_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="cannot be made: Not a directory; set OSTLER_HOME"):
        ensure_home(str(tmp_path / "file" / "home"))
