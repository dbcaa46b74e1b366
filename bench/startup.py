"""How long `ostler --help` takes, against an interpreter that does nothing: prints both and the ratio."""

from __future__ import annotations

import subprocess
import sys

from ratio import compare

GOAL = 5.0


def _run(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)


def main() -> int:
    ratio = compare(
        "ostler --help, against python -c pass",
        lambda: _run("-m", "ostler", "--help"),
        lambda: _run("-c", "pass"),
        rounds=15,
        goal=GOAL,
    )
    return 0 if ratio.met else 1


if __name__ == "__main__":
    sys.exit(main())
