from __future__ import annotations

import os
from pathlib import Path

import pytest

from ostler.errors import Unavailable
from ostler.services.executor import log_file
from ostler.services.executor.files import TaskFiles
from ostler.services.executor.logs import LogFile


@pytest.fixture
def files(tmp_path: Path) -> TaskFiles:
    (tmp_path / "tasks").mkdir()
    return TaskFiles(tmp_path, "t1")


def content(log: LogFile) -> bytes:
    source, size = log.content()
    data = source.read()
    assert len(data) == size
    return data


@pytest.mark.parametrize("step", [None, 0, 12])
def test_a_log_lies_where_followers_look(
    files: TaskFiles, tmp_path: Path, step: int | None
) -> None:
    log = LogFile(files, step)
    path = log_file(tmp_path, "t1", step)
    assert not path.exists()
    log.line("hello")
    assert path.read_bytes() == b"hello\n"
    log.close()


def test_a_log_to_which_nothing_was_written_is_empty_and_has_no_file(
    files: TaskFiles, tmp_path: Path
) -> None:
    assert content(LogFile(files, 0)) == b""
    assert list((tmp_path / "tasks").iterdir()) == []


def test_lines_and_what_processes_write_follow_each_other(files: TaskFiles) -> None:
    log = LogFile(files, 0)
    descriptor = log.descriptor()
    assert descriptor is not None
    log.line("before")
    os.write(descriptor, b"by a process\n")
    log.line("after")
    assert content(log) == b"before\nby a process\nafter\n"
    log.close()


def test_the_descriptor_is_given_out_only_when_there_is_nothing_to_mask(files: TaskFiles) -> None:
    log = LogFile(files, 0, ["hunter22"])
    assert log.descriptor() is None
    log.write(b"it is hun")
    log.write(b"ter22 or hunt")
    log.end()
    assert content(log) == b"it is *** or hunt"
    log.close()


def test_a_closed_log_can_be_read_again(files: TaskFiles) -> None:
    log = LogFile(files, 0)
    log.line("once")
    log.close()
    log.close()
    assert content(log) == b"once\n"
    log.close()


def test_what_is_appended_later_does_not_change_the_promised_size(files: TaskFiles) -> None:
    log = LogFile(files, 0)
    log.line("once")
    source, size = log.content()
    log.line("more")
    assert source.read(3) + source.read() + source.read() == b"once\n"
    assert size == 5
    log.close()


def test_a_log_of_an_earlier_life_is_found(files: TaskFiles) -> None:
    first = LogFile(files, 3)
    first.line("from before")
    first.close()
    found = LogFile.found(files, 3)
    assert content(found) == b"from before\n"
    found.close()
    assert content(LogFile.found(files, 4)) == b""


def test_a_log_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    log = LogFile(TaskFiles(tmp_path / "nowhere", "t1"), 0)
    with pytest.raises(Unavailable, match="cannot write the log"):
        log.line("x")
