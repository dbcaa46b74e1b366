"""How long `ostler --help` takes, against an interpreter that does nothing: prints both and the ratio."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig

from ratio import compare

GOAL = 5.0


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _ostler() -> tuple[str, ...]:
    """Return what people call: the installed script, or the module where it is not installed."""
    script = os.path.join(sysconfig.get_path("scripts"), "ostler")
    return (script,) if os.path.exists(script) else (sys.executable, "-m", "ostler")


def main() -> int:
    ostler = _ostler()
    ratio = compare(
        "ostler --help, against python -c pass",
        lambda: _run(*ostler, "--help"),
        lambda: _run(sys.executable, "-c", "pass"),
        rounds=25,
        goal=GOAL,
    )
    return 0 if ratio.met else 1


if __name__ == "__main__":
    sys.exit(main())
