"""What ``persist`` decides, seen from the outside: the system calls that are made."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from ostler_posix import filesystem

from ...support import require

_SYNC = "fsync,fdatasync,sync,syncfs,sync_file_range,msync"
_CALL = re.compile(r"^\d+ +(\w+)\((?:\d+<([^>]*)>)?")


def trace(tmp_path: Path, kind: str, persist: str, size: int, *more: str) -> list[tuple[str, str]]:
    """Return (call, path relative to the storage) of every synchronising call."""
    strace = shutil.which("strace") or require("strace", "it is not installed")
    log, script = tmp_path / "trace", Path(__file__).with_name("traced.py")
    command = [strace, "-f", "-y", "-e", f"trace={_SYNC}", "-o", log]
    target = [sys.executable, script, kind, tmp_path / "storage", persist, str(size), *more]
    done = subprocess.run([*command, *target], check=False, capture_output=True, text=True)
    if "ptrace" in done.stderr:
        require("strace", f"it may not trace here: {done.stderr.strip()}")
    assert (done.returncode, done.stderr) == (0, "")
    found = [_CALL.match(line) for line in log.read_text().splitlines()]
    base = str(tmp_path)
    return [(hit[1], (hit[2] or "").removeprefix(base)) for hit in found if hit]


@pytest.mark.parametrize("kind", ["posix", "posixflat"])
@pytest.mark.parametrize("size", [4096, 20 << 20])
def test_without_persist_nothing_is_synchronised(tmp_path: Path, kind: str, size: int) -> None:
    assert trace(tmp_path, kind, "0", size) == []


def test_with_persist_data_name_and_every_new_directory_are(tmp_path: Path) -> None:
    calls = trace(tmp_path, "posix", "1", 4096)
    assert Counter(call for call, _path in calls) == {"fdatasync": 3, "fsync": 6}
    first, *more = [path for call, path in calls if call == "fsync"]
    assert first == "/storage/one/two"
    assert more[:3] == ["/storage/one", "/storage", ""]
    assert more[3:] == ["/storage/one/two"] * 2


def test_with_persist_data_come_before_the_name(tmp_path: Path) -> None:
    calls = [call for call, _path in trace(tmp_path, "posix", "1", 4096)]
    assert calls == ["fdatasync", "fsync", "fsync", "fsync", "fsync"] + ["fdatasync", "fsync"] * 2


def test_posixflat_persists_its_nodes(tmp_path: Path) -> None:
    calls = trace(tmp_path, "posixflat", "1", 4096)
    paths = [path for call, path in calls if call == "fsync"]
    assert paths == ["/storage/objects", "/storage", "", *["/storage/objects"] * 2]


def test_one_object_that_is_persisted_later_is_synchronised_as_if_at_once(tmp_path: Path) -> None:
    calls = trace(tmp_path, "posix", "0", 100, "1")
    assert calls == [
        ("fdatasync", "/storage/later/0/log"),
        ("fsync", "/storage/later/0"),
        ("fsync", "/storage/later"),
        ("fsync", "/storage"),
        ("fsync", ""),
    ]


@pytest.mark.parametrize("kind", ["posix", "posixflat"])
def test_many_objects_that_are_persisted_later_are_synchronised_together(
    tmp_path: Path, kind: str
) -> None:
    root = "/storage/objects" if kind == "posixflat" else "/storage"
    calls = trace(tmp_path, kind, "0", 100, "20")
    if calls != [("syncfs", root)]:  # much waits to be written here just now, or the kernel is old
        counts = Counter(call for call, _path in calls)
        assert counts["fdatasync"] == 20
        assert counts["fsync"] >= 1


def test_where_much_waits_to_be_written_files_are_synchronised_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filesystem, "_dirty", lambda: 1 << 40)
    assert filesystem.synchronise_file_system(str(tmp_path)) is False
