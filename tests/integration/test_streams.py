"""What happens to a run when its terminal, its readers or its standard streams do something else."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from .conftest import DEADLINE
from .test_run import run

if TYPE_CHECKING:
    from .conftest import Ostler

CURSOR_UP = "\x1b[1A\x1b[2K"


def in_shell(ostler: Ostler, script: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script in which ``$OSTLER`` is the command, and need an end to it."""
    return subprocess.run(
        ["/bin/bash", "-c", script],
        cwd=ostler.directory,
        env={**ostler.environment, "OSTLER": f"{sys.executable} -m ostler"},
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE,
    )


def test_a_run_goes_on_when_nobody_reads(ostler: Ostler) -> None:
    ostler.write({"name": "t", "steps": [run("echo one; sleep 0.3; echo two")]})
    gone = in_shell(
        ostler, "{ $OSTLER run --json ostler.json 2>&1 >result; echo $? >code; } | head -n 1"
    )
    assert gone.stdout.startswith("run build #1")
    assert (ostler.directory / "code").read_text() == "0\n"
    (told,) = json.loads((ostler.directory / "result").read_text())["runs"]
    assert told["result"] == "success"


def test_standard_streams_may_be_closed(ostler: Ostler) -> None:
    ostler.write({"name": "t", "steps": [run("echo one >&2; cat")]})
    closed = in_shell(ostler, "$OSTLER run ostler.json <&- >&- 2>&-")
    assert closed.returncode == 0
    (told,) = ostler.json("runs", "latest")["runs"]
    assert told["result"] == "success"


def test_a_hangup_stops_the_run_in_order_unless_it_is_ignored(ostler: Ostler) -> None:
    path = ostler.write({"name": "long", "steps": [run("echo begun; sleep 60")]})
    started = ostler.start("run", str(path))
    started.await_line(lambda line: line == "long | begun")
    started.process.send_signal(signal.SIGHUP)
    assert started.wait() == 3
    began = ostler.directory / "began"
    ostler.write({"name": "short", "steps": [run(f"touch {began}; sleep 0.3")]})
    script = "trap '' HUP; $OSTLER run ostler.json & until [ -e began ]; do sleep 0.02; done; kill -HUP $!; wait $!"
    assert in_shell(ostler, script).returncode == 0


def test_a_live_tree_fits_the_terminal_and_gives_the_cursor_back(ostler: Ostler) -> None:
    failing = run("for i in 1 2 3; do echo line $i; done; exit 1", name="breaks")
    tasks = [{"name": f"t{number}", "steps": [run("true")]} for number in range(30)]
    path = ostler.write(*tasks, {"name": "bad", "depends": ["t29"], "steps": [failing]})
    terminal = ostler.on_terminal("run", str(path))
    assert terminal.wait() == 1
    shown = terminal.shown
    ups = [
        len(found) // len(CURSOR_UP) for found in re.findall(f"(?:{re.escape(CURSOR_UP)})+", shown)
    ]
    assert ups, "it was never drawn again"
    assert max(ups) < 12
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")
    assert "    | line 3\r\n" in shown  # what the failed step said, which the tree did not show
