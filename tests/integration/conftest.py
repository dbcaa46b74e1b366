"""`ostler` as a person runs it: a process of its own, with a home of its own."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

DEADLINE = 30.0


class Started:
    """A command that goes on in the background; its standard error is read line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            with self._news:
                self.lines.append(line.rstrip("\n"))
                self._news.notify_all()

    def await_line(self, holds: Callable[[str], bool]) -> str:
        with self._news:
            found = self._news.wait_for(lambda: next(filter(holds, self.lines), ""), DEADLINE)
            assert found, self.lines
            return found

    def wait(self) -> int:
        code = self.process.wait(DEADLINE)
        self._reader.join(DEADLINE)
        return code

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join(DEADLINE)
        assert self.process.stderr
        self.process.stderr.close()


class Terminal:
    """A command on a terminal of 12 rows; what it writes is read as it comes."""

    def __init__(
        self, command: Sequence[str], directory: Path, environment: Mapping[str, str]
    ) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            command,
            cwd=directory,
            env={**environment, "TERM": "xterm", "LINES": "12", "COLUMNS": "70"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        self.shown = ""

    def await_text(self, *texts: str) -> None:
        while not any(text in self.shown for text in texts):
            chunk = self._read()
            assert chunk, self.shown
            self.shown += chunk

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def wait(self) -> int:
        while chunk := self._read():
            self.shown += chunk
        return self.process.wait(DEADLINE)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)

    def _read(self) -> str:
        ready, _, _ = select.select([self._ours], [], [], DEADLINE)
        assert ready, self.shown
        with contextlib.suppress(OSError):  # nobody has the other end open any more: it is over
            return os.read(self._ours, 1 << 16).decode(errors="replace")
        return ""


class Ostler:
    """The command, in a directory with a home."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.home = directory / "home"
        self.environment = {**os.environ, "OSTLER_HOME": str(self.home)}
        self._started: list[Started | Terminal] = []

    def write(self, *tasks: dict[str, Any], name: str = "build") -> Path:
        path = self.directory / "ostler.json"
        path.write_text(json.dumps({"runs": [{"name": name, "tasks": list(tasks)}]}))
        return path

    def __call__(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self._command(arguments),
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=DEADLINE,
        )
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", code=code).stdout)

    def start(self, *arguments: str) -> Started:
        process = subprocess.Popen(
            self._command(arguments),
            cwd=self.directory,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        started = Started(process)
        self._started.append(started)
        return started

    def on_terminal(self, *arguments: str) -> Terminal:
        terminal = Terminal(self._command(arguments), self.directory, self.environment)
        self._started.append(terminal)
        return terminal

    def close(self) -> None:
        for started in self._started:
            started.close()

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "ostler", *arguments]


@pytest.fixture
def ostler(tmp_path: Path) -> Iterator[Ostler]:
    made = Ostler(tmp_path)
    yield made
    made.close()
