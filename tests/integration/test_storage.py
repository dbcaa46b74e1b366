"""`ostler storage` in processes of its own: pipes, terminals, and ends in the middle."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ostler.clock import SystemClock

from .conftest import DEADLINE
from .test_streams import CURSOR_UP, in_shell

if TYPE_CHECKING:
    from .conftest import Ostler

HUGE = 1 << 40  # bytes of a file of nothing but holes: nobody reads to its end


def huge(ostler: Ostler, key: str) -> None:
    path = ostler.home / "storage" / key
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(HUGE)


def stored(directory: Path) -> list[Path]:
    """Return all objects, and drafts too."""
    return sorted(path for path in directory.rglob("*") if path.is_file())


def test_what_comes_through_a_pipe_is_stored_whole(ostler: Ostler) -> None:
    script = (
        "head -c 50000000 /dev/zero | $OSTLER storage put - zeros"
        " && $OSTLER storage cat zeros | tail -c +50000000 | wc -c"
    )
    done = in_shell(ostler, script)
    assert (done.stdout.strip(), done.stderr, done.returncode) == ("1", "", 0)
    (told,) = ostler.json("storage", "stat", "zeros")["objects"]
    assert told["size"] == 50000000


def test_a_file_as_standard_input_is_stored_from_where_it_stands(ostler: Ostler) -> None:
    script = "printf '1\\n345' >f; { read first; $OSTLER storage put - k --json; } <f"
    assert in_shell(ostler, script).returncode == 0
    assert ostler("storage", "cat", "k").stdout == "345"


def test_a_reader_that_has_enough_ends_it(ostler: Ostler) -> None:
    huge(ostler, "huge")
    done = in_shell(ostler, "$OSTLER storage cat huge | head -c 3 | wc -c; echo ${PIPESTATUS[0]}")
    assert (done.stdout.split(), done.stderr) == (["3", "141"], "")
    for number in range(3000):
        (ostler.home / "storage" / f"{'k' * 60}{number:05}").touch()
    done = in_shell(ostler, "$OSTLER storage ls -r | head -n 1; echo ${PIPESTATUS[0]}")
    assert (done.stdout.split(), done.stderr) == (["huge", "141"], "")


def test_an_interrupted_download_goes_on(ostler: Ostler) -> None:
    path = ostler.home / "storage" / "k"
    path.parent.mkdir(parents=True)
    path.write_bytes(os.urandom(3_000_000))
    script = (
        "$OSTLER storage cat k | head -c 1234567 >part;"
        "$OSTLER storage cat k --start $(stat -c %s part) >>part"
    )
    assert in_shell(ostler, script).returncode == 0
    assert (ostler.directory / "part").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_while_standard_input_is_silent_stores_nothing(
    ostler: Ostler, ending: signal.Signals
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "ostler", "storage", "put", "-", "k"],
        cwd=ostler.directory,
        env=ostler.environment,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stderr
    with process.stdin, process.stderr:
        process.stdin.write("x" * (1 << 20))  # more than a pipe holds: it has begun to read
        process.stdin.flush()
        process.send_signal(ending)
        shown = process.stderr.read()
        assert process.wait(DEADLINE) == 3
    assert shown.startswith("stopping; once more to end at once\nerror: stopped")
    assert stored(ostler.home / "storage") == []


def test_ctrl_c_in_the_middle_of_copies_leaves_no_part(ostler: Ostler) -> None:
    for number in range(20):
        huge(ostler, f"[bold]{number}")
    copy = ostler.on_terminal(
        "storage", "cp", "-r", "-j", "20", ".", f"posix://{ostler.directory}/copy#"
    )
    copy.await_text("[bold]")
    copy.await_text(" MiB", " GiB")
    copy.process.send_signal(signal.SIGINT)
    assert copy.wait() == 3
    assert "stopping; once more to end at once" in copy.shown
    assert stored(ostler.directory / "copy") == []
    ups = re.findall(f"(?:{re.escape(CURSOR_UP)})+", copy.shown)
    assert max(len(found) // len(CURSOR_UP) for found in ups) < 12
    assert copy.shown.rindex("\x1b[?25h") > copy.shown.rindex("\x1b[?25l")


def test_a_second_ctrl_c_ends_it_at_once(ostler: Ostler) -> None:
    fifo = ostler.directory / "fifo"
    os.mkfifo(fifo)
    put = ostler.on_terminal(
        "storage", "put", str(fifo), "k"
    )  # waits for somebody to open the other end
    put.await_text("objects")
    put.process.send_signal(signal.SIGINT)
    put.await_text("stopping")
    put.process.send_signal(signal.SIGINT)
    assert put.wait() == 3
    assert put.shown.rindex("\x1b[?25h") > put.shown.rindex("\x1b[?25l")


@pytest.mark.parametrize(
    ("ending", "code"), [(signal.SIGINT, 3), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_what_was_interrupted_goes_on_by_doing_it_again(
    ostler: Ostler, ending: signal.Signals, code: int
) -> None:
    data = {f"{number:04}": os.urandom(20_000) for number in range(600)}
    source, target = ostler.home / "storage", ostler.directory / "copy"
    source.mkdir(parents=True)
    for name, content in data.items():
        (source / name).write_bytes(content)
    huge(ostler, "0300-huge")  # one of the two is at it until the end
    syncing = ostler.start("storage", "sync", ".", f"posix://{target}", "--jobs", "2")
    _await(lambda: len(list(target.glob("0*"))) > 300)
    syncing.process.send_signal(ending)
    assert syncing.wait() == code
    (source / "0300-huge").unlink()
    before = {path.name: path.read_bytes() for path in target.glob("0*")}
    assert len(before) > 300
    assert before.items() <= data.items()
    told = ostler.json("storage", "sync", ".", f"posix://{target}")
    assert (told["copied"], told["same"]) == (len(data) - len(before), len(before))
    assert {path.name: path.read_bytes() for path in target.glob("0*")} == data
    assert len(stored(target)) == len(data)


def _await(holds: Callable[[], bool]) -> None:
    clock, pause = SystemClock(), threading.Event()
    end = clock.monotonic() + DEADLINE
    while not holds():
        assert clock.monotonic() < end
        pause.wait(0.002)


@pytest.mark.parametrize(("answer", "code", "left"), [("y\n", 0, ["b"]), ("n\n", 3, ["a/1", "b"])])
def test_removing_below_a_place_asks_on_a_terminal(
    ostler: Ostler, answer: str, code: int, left: list[str]
) -> None:
    for key in ("a/1", "b"):
        path = ostler.home / "storage" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    removing = ostler.on_terminal("storage", "rm", "-r", "a")
    removing.await_text("remove 1 object, 1 B: a? [y/N]")
    removing.type(answer)
    assert removing.wait() == code
    listed = ostler.json("storage", "ls", "-r")["objects"]
    assert [item["key"] for item in listed] == left


def test_storages_of_every_type(ostler: Ostler) -> None:
    (ostler.directory / "ostler.toml").write_text("plugins = {allow_unselectable = true}\n")
    source = ostler.home / "storage"
    (source / "a").mkdir(parents=True)
    for name in ("a/b", "a-b", "ab", "é"):
        (source / name).write_text(name)
    flat, back = f"posixflat://{ostler.directory}/flat#p/", f"posix://{ostler.directory}/back"
    for one, other in ((".", flat), (flat, back), (back, "memory://")):
        assert ostler.json("storage", "sync", one, other)["copied"] == 4
    told = ostler.json("storage", "sync", ".", back, "--checksum", "--delete")
    assert (told["copied"], told["same"], told["removed"]) == (0, 4, 0)
