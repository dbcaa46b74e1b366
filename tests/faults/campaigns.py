"""Runs the scripts of this directory as tests: each is a process of its own, without threads, that forks others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from .processes import PARENT


def count(name: str, otherwise: int) -> int:
    """Return how often something is done: ``OSTLER_FAULTS_<name>`` of the environment decides."""
    return int(os.environ.get(f"OSTLER_FAULTS_{name}", otherwise))


def campaign(script: str, *arguments: object) -> str:
    """Run a script; return what it printed.

    :raises AssertionError: it failed; says what it printed, its seed first.
    """
    command = [sys.executable, str(Path(__file__).with_name(script)), *map(str, arguments)]
    environment = {**os.environ, PARENT: str(os.getpid())}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    print(done.stdout)
    return done.stdout
