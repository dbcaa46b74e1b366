"""`kill -9` of `ostler run` at random moments: nothing lost, nothing run twice that had succeeded."""

from __future__ import annotations

import collections
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

CHAINS, LENGTH = 20, 10
SEED = 20260501

STEP = 'echo "$OSTLER_TASK_NAME" >> "$LEDGER"'


class Project:
    """A project of 200 tasks whose steps write what they did to a ledger outside of their pods."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.ledger = directory / "ledger"
        self.marker = f"kill-test-{directory.name}-{os.getpid()}"
        self.environment = {**os.environ, "OSTLER_HOME": str(directory / "home")}
        (directory / "ostler.json").write_text(json.dumps({"runs": [self._run()]}))

    def _run(self) -> dict[str, Any]:
        environment = {"LEDGER": str(self.ledger), "MARKER": self.marker}
        tasks = [
            {
                "name": f"{chain}-{place}",
                "depends": [f"{chain}-{place - 1}"] if place else [],
                "environment": environment,
                # The child in another session must not outlive the run either.
                "steps": [
                    {
                        "run": {
                            "command": f"setsid sleep 60 & sleep 0.01; {STEP}",
                            "tty": place % 2 == 0,
                        }
                    }
                ],
            }
            for chain in range(CHAINS)
            for place in range(LENGTH)
        ]
        return {"name": "killed", "tasks": tasks}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "ostler", *arguments]

    def start(self) -> subprocess.Popen[bytes]:
        arguments = self.command(
            "run", str(self.directory / "ostler.json"), "--quiet", "--jobs", "8"
        )
        return subprocess.Popen(arguments, env=self.environment, stderr=subprocess.DEVNULL)

    def json(self, *arguments: str, expected: int = 0) -> Any:
        done = subprocess.run(
            self.command(*arguments, "--json"),
            env=self.environment,
            capture_output=True,
            check=False,
        )
        assert done.returncode == expected, done.stderr.decode()
        return json.loads(done.stdout)

    def executed(self) -> collections.Counter[str]:
        lines = self.ledger.read_text().split() if self.ledger.exists() else []
        return collections.Counter(lines)

    def processes(self) -> list[int]:
        """Return the processes of any step, wherever they moved."""
        wanted = f"MARKER={self.marker}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                try:
                    environ = (entry / "environ").read_bytes()
                except OSError:
                    continue  # it ended while we looked
                if wanted in environ.split(b"\0"):
                    found.append(int(entry.name))
        return found


def check(project: Project, moment: float) -> str:
    """Kill a run after ``moment`` seconds, look at what is left, and carry on; return what happened."""
    running = project.start()
    time.sleep(moment)
    running.kill()
    running.wait()

    runs = project.json("runs")["runs"]
    assert project.processes() == []
    if not runs:
        return "killed before the run was created"
    run = runs[0]
    assert run["phase"] in ("finished", "cancelled")
    if run["result"] == "success":
        return "killed after the end"
    if run["phase"] == "finished":
        assert run["result"] == "stopped"
        assert "ended without" in run["annotations"]["reason"]
    (described,) = project.json("runs", run["id"])["runs"]
    before = {name: task["status"] for name, task in described["tasks"].items()}
    assert set(before.values()) <= {"success", "stopped", "cancelled"}
    succeeded = {name for name, status in before.items() if status == "success"}
    executed = project.executed()
    assert {name: executed[name] for name in succeeded} == dict.fromkeys(succeeded, 1)

    (again,) = project.json("restart", "--failed", run["id"], "--quiet", "--jobs", "8")["runs"]
    assert {task["status"] for task in again["tasks"].values()} == {"success"}
    executed = project.executed()
    assert {name: executed[name] for name in succeeded} == dict.fromkeys(succeeded, 1)
    assert set(executed) == set(before)
    assert project.processes() == []
    left = project.json("runs")["runs"]
    assert [run["counter"] for run in left] == [2, 1]
    assert all(run["archived"] for run in left)
    assert project.json("data", "verify") == {"problems": []}
    for name in sorted(succeeded)[:3]:
        assert again["tasks"][name]["id"] == described["tasks"][name]["id"]
    return f"killed with {len(succeeded)} of {len(before)} tasks done"


def kill_at(tmp_path: Path, number: int) -> None:
    chance = random.Random(SEED + number)
    directory = tmp_path / f"kill-{number}"
    directory.mkdir()
    moment = chance.uniform(0.4, 5.0)
    print(f"seed {SEED} + {number}, after {moment:.3f} s:", check(Project(directory), moment))


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc")
class TestKill:
    @pytest.mark.parametrize("number", range(3))
    def test_a_killed_run_carries_on(self, tmp_path: Path, number: int) -> None:
        kill_at(tmp_path, number)

    @pytest.mark.slow
    @pytest.mark.parametrize("number", range(3, 20))
    def test_a_killed_run_carries_on_at_many_moments(self, tmp_path: Path, number: int) -> None:
        kill_at(tmp_path, number)
