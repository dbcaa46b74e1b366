"""See `powerloss.py`. ``OSTLER_FAULTS_STATES``: how many are looked at after each call in the long form."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ..support import require
from .campaigns import campaign, count

pytestmark = pytest.mark.timeout(300)  # some seconds, unless the machine does much else

SCRIPT = str(Path(__file__).with_name("powerloss.py"))


@pytest.fixture(autouse=True)
def strace() -> None:
    name = shutil.which("strace") or require("strace", "it is not installed")
    done = subprocess.run([name, "-o", "/dev/null", "true"], capture_output=True, check=False)
    if done.returncode:
        require("strace", f"it may not trace here: {done.stderr.decode()}")


def test_a_loss_of_power_takes_nothing_acknowledged(tmp_path: Path) -> None:
    campaign("powerloss.py", "--states", 4, "--stride", 8, "--directory", tmp_path)


@pytest.mark.parametrize("call", ["fsync", "fdatasync"])
def test_the_model_notices_what_is_not_synchronised(tmp_path: Path, call: str) -> None:
    arguments = ["--states", "4", "--stride", "8", "--without", call, "--directory", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "after call" in done.stdout


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_many_losses_of_power_take_nothing_acknowledged(tmp_path: Path) -> None:
    states = count("STATES", 32)
    campaign("powerloss.py", "--states", states, "--seed", 20260614, "--directory", tmp_path)
