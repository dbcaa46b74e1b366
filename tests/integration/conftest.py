"""`ostler` as a person runs it: a process of its own, with a home of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
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


class Ostler:
    """The command, in a directory with a home."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.home = directory / "home"
        self.environment = {**os.environ, "OSTLER_HOME": str(self.home)}
        self._started: list[Started] = []

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
        self._started.append(Started(process))
        return self._started[-1]

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
