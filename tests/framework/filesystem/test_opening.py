from __future__ import annotations

import gc
import json
import pickle
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from typing import Any

import fsspec
import pytest

from ostler.clock import SystemClock
from ostler.filesystem import OstFileSystem
from ostler.ost import ObjectStorage
from ostler_memory.driver import MemorySettings, MemoryStorage

SECRET = "posix://user:hunter2@host/srv?token=hunter3"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current directory and a home of one's own, with no settings."""
    for name in ("OSTLER_STORAGE", "OSTLER_SETTINGS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OSTLER_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_fsspec_knows_the_protocol() -> None:
    assert fsspec.get_filesystem_class("ost") is OstFileSystem
    assert "ost" in fsspec.available_protocols()


def test_the_storage_is_that_of_the_settings(elsewhere: Path) -> None:
    fsspec.filesystem("ost").pipe_file("key", b"default")
    assert (elsewhere / "home" / "storage" / "key").read_bytes() == b"default"


def test_or_of_the_file_in_the_current_directory(elsewhere: Path) -> None:
    (elsewhere / "ostler.toml").write_text(f'storage = "posix://{elsewhere}/filed"\n')
    with fsspec.open("ost://key", "wb") as file:
        file.write(b"filed")
    assert (elsewhere / "filed" / "key").read_bytes() == b"filed"


def test_or_of_a_variable(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSTLER_STORAGE", f"posix://{elsewhere}/variable")
    fsspec.filesystem("ost").touch("key")
    assert (elsewhere / "variable" / "key").exists()


def test_or_of_a_file_that_is_named(elsewhere: Path) -> None:
    (elsewhere / "other.toml").write_text(f'[storage]\ntype = "posix"\npath = "{elsewhere}/o"\n')
    OstFileSystem(settings=elsewhere / "other.toml").touch("key")
    assert (elsewhere / "o" / "key").exists()


@pytest.mark.parametrize("form", ["url", "table"])
def test_or_what_is_asked_for(elsewhere: Path, form: str) -> None:
    path = f"{elsewhere}/asked"
    storage = f"posix://{path}" if form == "url" else {"type": "posix", "path": path}
    OstFileSystem(storage).touch("key")
    assert (elsewhere / "asked" / "key").exists()


def test_an_open_storage_is_used_and_left_open() -> None:
    with ObjectStorage(MemoryStorage(MemorySettings()), clock=SystemClock()) as storage:
        fs = OstFileSystem(storage)
        fs.pipe_file("key", b"1")
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(fs)
        del fs
        OstFileSystem.clear_instance_cache()
        gc.collect()
        assert storage.read("key") == b"1"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"storage": "nowhere://x"}, "nowhere"),
        ({"storage": "/a/path"}, "storage_options"),
        ({"storage": "posix"}, "path"),
        ({"settings": "/no/such/file.toml"}, "file.toml"),
    ],
)
def test_wrong_settings_are_no_missing_file(options: dict[str, Any], told: str) -> None:
    fs = OstFileSystem(**options)
    for call in (fs.exists, fs.isdir, fs.cat_file, fs.find):
        with pytest.raises(ValueError, match=told):
            call("key")


def test_unknown_options_are_refused() -> None:
    with pytest.raises(TypeError, match="'storge': give storage"):
        fsspec.filesystem("ost", storge="memory")


def test_one_storage_for_all_threads(options: dict[str, Any]) -> None:
    systems: list[OstFileSystem] = [fsspec.filesystem("ost", **options)]
    systems[0].pipe_file("key", b"1")

    def use() -> None:
        systems.append(fsspec.filesystem("ost", **options))
        assert systems[-1].cat_file("key") == b"1"

    thread = threading.Thread(target=use)
    thread.start()
    thread.join(30)
    first, second = systems
    assert first is not second
    assert first.object_storage is second.object_storage
    assert (first, hash(first), first.fsid) == (second, hash(second), second.fsid)
    assert first != OstFileSystem(**{**options, "home": None})


def test_the_storage_is_closed_with_the_last_file_system(options: dict[str, Any]) -> None:
    fs = fsspec.filesystem("ost", **options)
    storage = weakref.ref(fs.object_storage)
    file = fs.open("key", "wb", block_size=1)
    file.write(b"12")
    del fs
    OstFileSystem.clear_instance_cache()
    gc.collect()
    assert storage() is not None
    file.close()
    del file
    gc.collect()
    assert storage() is None


def test_pickled_it_opens_the_same(posix: dict[str, Any]) -> None:
    fs = fsspec.filesystem("ost", **posix)
    fs.pipe_file("key", b"1")
    blob = pickle.dumps(fs)
    assert pickle.loads(blob) is fs
    script = "import pickle, sys; print(pickle.load(sys.stdin.buffer).cat_file('key'))"
    done = subprocess.run([sys.executable, "-c", script], input=blob, capture_output=True)
    assert (done.stdout, done.stderr) == (b"b'1'\n", b"")


def test_json_and_back(posix: dict[str, Any]) -> None:
    fs = OstFileSystem(**posix)
    assert OstFileSystem.from_json(fs.to_json()) == fs
    assert json.loads(fs.to_json())["cls"] == "ostler.filesystem:OstFileSystem"


def test_secrets_are_not_shown() -> None:
    table = {"type": "posix", "path": "/hunter4"}
    for storage in (SECRET, table):
        for fs in (OstFileSystem(storage), OstFileSystem(storage=storage)):
            for text in (repr(fs), fs.to_json(include_password=False), fs.fsid, str(fs)):
                assert "hunter" not in text
    assert repr(OstFileSystem(SECRET)) == "<OstFileSystem posix://user:***@host/srv?token=***>"
    assert repr(OstFileSystem()) == "<OstFileSystem of the settings>"
    assert OstFileSystem.from_json(OstFileSystem(SECRET).to_json()) == OstFileSystem(SECRET)


FORKED = """
import os, sys, warnings, fsspec
from ostler.compose import Composition
def close(self, own=Composition.close):
    print("closed", flush=True)
    own(self)
Composition.close = close
warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads
fs = fsspec.filesystem("ost", storage=sys.argv[1], home=sys.argv[2])
fs.pipe_file("key", b"1")
left = fs.open("left", "wb", block_size=1)
left.write(b"12")
zipped = fs.open("zipped", "wb", compression="gzip")
parents = fs.object_storage
child = os.fork()
if child == 0:
    try:
        assert fs.cat_file("key") == b"1"
        assert fs.object_storage is not parents
        assert fsspec.filesystem("ost", storage=sys.argv[1], home=sys.argv[2]) is not fs
        try:
            left.write(b"3")
        except ValueError as error:
            assert "forked" in str(error)
        del left, zipped
        fs.pipe_file("childs", b"2")
    except BaseException:
        os._exit(1)
    sys.exit()
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
left.close()
zipped.close()
assert fs.find("") == ["childs", "key", "left", "zipped"]
assert fs.cat(["childs", "key", "left"]) == {"childs": b"2", "key": b"1", "left": b"12"}
"""


def test_a_child_of_a_fork_opens_its_own(posix: dict[str, Any]) -> None:
    command = [sys.executable, "-c", FORKED, posix["storage"], posix["home"]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "closed\n" * 2  # each what it opened itself
