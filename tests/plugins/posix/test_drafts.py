from __future__ import annotations

import errno
import fcntl
import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ostler.errors import Forbidden
from ostler_posix.drafts import RESERVED, Drafts
from ostler_posix.driver import PosixStorage
from ostler_posix.settings import PosixSettings

SMALL, UNKNOWN = 12, 0


@pytest.fixture
def drafts(root: Path) -> Iterator[Drafts]:
    root.mkdir()
    drafts = Drafts(str(root))
    yield drafts
    drafts.close()


@pytest.fixture
def named_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ostler_posix.drafts._NAMELESS", 0)


@contextmanager
def writer(root: Path, size: int = SMALL) -> Iterator[subprocess.Popen[str]]:
    """Start a process that is in the middle of a put of the key ``theirs``."""
    command = [sys.executable, Path(__file__).with_name("writer.py"), root, "theirs", str(size)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        yield process


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def open_and_close(root: Path) -> None:
    PosixStorage(PosixSettings(path=str(root))).close()


def test_leftovers_of_a_killed_process_are_removed_at_the_next_start(root: Path) -> None:
    with writer(root) as process:
        process.send_signal(signal.SIGKILL)
    assert len(files(root)) == 1
    open_and_close(root)
    assert (files(root), os.listdir(root)) == ([], [])


def test_a_killed_put_of_unknown_size_leaves_no_file_at_all(root: Path) -> None:
    if not hasattr(os, "O_TMPFILE"):
        pytest.skip("no O_TMPFILE on this system")
    with writer(root, UNKNOWN) as process:
        process.send_signal(signal.SIGKILL)
    assert files(root) == []


def test_drafts_of_a_living_process_stay(root: Path) -> None:
    with writer(root) as process:
        for _start in range(3):
            open_and_close(root)
        assert len(files(root)) == 1
        process.communicate("go on\n")
    assert process.returncode == 0
    assert files(root) == ["theirs"]
    assert (root / "theirs").read_bytes() == b"first second"


def test_drafts_of_another_storage_in_this_process_stay(root: Path, posix: PosixStorage) -> None:
    class Opening:
        def read(self, size: int = -1, /) -> bytes:
            open_and_close(root)
            return b"x"

    posix.put("key", Opening(), size=1, persist=False, if_absent=False)
    assert files(root) == ["key"]


def test_a_storage_leaves_nothing_of_its_own_when_it_is_closed(root: Path) -> None:
    driver = PosixStorage(PosixSettings(path=str(root)))
    driver.put("key", io.BytesIO(b"x"), size=1, persist=False, if_absent=False)
    assert RESERVED in os.listdir(root)
    driver.close()
    assert os.listdir(root) == ["key"]


def test_the_reserved_directory_is_not_listed(posix: PosixStorage, root: Path) -> None:
    posix.put("key", io.BytesIO(b"x"), size=1, persist=False, if_absent=False)
    assert RESERVED in os.listdir(root)
    for delimiter in ("", "/"):
        (only,) = posix.list("", "", delimiter)
        assert only == posix.stat("key")


def test_what_somebody_removed_by_hand_is_made_again(root: Path, drafts: Drafts) -> None:
    for _round in range(3):
        draft = drafts.named()
        os.write(draft.descriptor, b"x")
        draft.replace(f"{root}/key")
        draft.close()
        subprocess.run(["rm", "-r", root / RESERVED], check=True)
    assert files(root) == ["key"]


def test_a_forked_process_uses_other_names(drafts: Drafts) -> None:
    directory, name = drafts.new_name()
    taken = os.open(str(int(name) + 1), os.O_CREAT | os.O_EXCL, dir_fd=directory)
    draft = drafts.named()
    draft.close()
    os.close(taken)
    assert os.listdir(directory) == [str(int(name) + 1)]


@pytest.mark.parametrize("kind", ["named", "nameless"])
def test_a_draft_is_linked_or_replaces_or_vanishes(root: Path, drafts: Drafts, kind: str) -> None:
    for content in (b"linked", b"replaced", b"dropped"):
        draft = getattr(drafts, kind)()
        os.write(draft.descriptor, content)
        if content == b"linked":
            draft.link(f"{root}/key")
            with pytest.raises(FileExistsError):
                draft.link(f"{root}/key")
        if content == b"replaced":
            draft.replace(f"{root}/key")
        draft.close()
    assert files(root) == ["key"]
    assert (root / "key").read_bytes() == b"replaced"


def test_a_file_system_without_nameless_files_is_served_with_names(
    root: Path, named_only: None
) -> None:
    root.mkdir()
    drafts = Drafts(str(root))
    draft = drafts.nameless()
    assert len(files(root)) == 1
    draft.close()
    assert files(root) == []
    drafts.close()


def test_put_works_without_nameless_files(root: Path, named_only: None) -> None:
    with PosixStorageOpen(root) as driver:
        for exclusive in (True, False):
            source = io.BytesIO(b"content")
            driver.put("some/key", source, size=None, persist=True, if_absent=exclusive)
        _info, body = driver.get("some/key", 0, None)
        with body:
            assert body.read() == b"content"


def test_a_storage_that_may_only_be_read_is_not_swept(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / RESERVED / "old").mkdir(parents=True)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    open_and_close(root)
    assert os.listdir(root / RESERVED) == ["old"]


def test_who_is_stopped_while_it_begins_holds_up_nobody(root: Path) -> None:
    (root / RESERVED / "old").mkdir(parents=True)
    beginning = os.open(root / RESERVED, os.O_RDONLY)
    fcntl.flock(beginning, fcntl.LOCK_SH)
    Drafts(str(root)).sweep()
    assert os.listdir(root / RESERVED) == ["old"]
    os.close(beginning)
    Drafts(str(root)).sweep()
    assert not (root / RESERVED).exists()


def test_a_sweep_that_fails_says_so(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / RESERVED / "old").mkdir(parents=True)

    def refuse(descriptor: int, how: int) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(Forbidden, match="cannot clean up"):
        Drafts(str(root)).sweep()


class PosixStorageOpen:
    def __init__(self, root: Path) -> None:
        self.driver = PosixStorage(PosixSettings(path=str(root)))

    def __enter__(self) -> PosixStorage:
        return self.driver

    def __exit__(self, *_: object) -> None:
        self.driver.close()


def test_a_reserved_directory_that_goes_as_it_is_found_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`makedirs` says that it exists and is no directory, when it has just been removed."""
    make, raced = os.makedirs, list[str]()

    def racing(path: str, **options: Any) -> None:
        if not raced:
            raced.append(path)
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
        make(path, **options)

    monkeypatch.setattr(os, "makedirs", racing)
    drafts = Drafts(str(tmp_path))
    assert drafts.new_name()[1] == "0"
    assert len(raced) == 1
    drafts.close()
