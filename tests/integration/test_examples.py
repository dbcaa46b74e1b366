"""Every example really runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .conftest import Ostler

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_hello(ostler: Ostler) -> None:
    (told,) = ostler.json("run", str(EXAMPLES / "hello"))["runs"]
    assert told["result"] == "success"
    report = ostler("logs", "latest", "report", "1").stdout
    assert "The longest names:" in report
    assert len(report.splitlines()) == 8


def test_branches(ostler: Ostler) -> None:
    (told,) = ostler.json("run", str(EXAMPLES / "branches"))["runs"]
    assert told["result"] == "success"
    assert {name: task["status"] for name, task in told["tasks"].items()} == {
        "check links": "failed",
        "file a report": "success",
        "publish": "skipped",
        "say that nothing was published": "success",
        "nightly": "skipped",
        "by day": "success",
    }
    (tagged,) = ostler.json("run", str(EXAMPLES / "branches"), "--tag", "nightly-1")["runs"]
    assert tagged["tasks"]["nightly"]["status"] == "success"


def test_release(ostler: Ostler) -> None:
    (told,) = ostler.json("run", str(EXAMPLES / "release"), "--approve-all")["runs"]
    assert told["result"] == "success"
    assert told["tasks"]["withdraw"]["status"] == "skipped"


def test_stdlib_counts_the_same_with_and_without_its_cache(ostler: Ostler) -> None:
    ranks = []
    for _ in range(2):
        (told,) = ostler.json("run", str(EXAMPLES / "stdlib"))["runs"]
        assert told["result"] == "success"
        ranks.append(ostler("logs", "latest", "merge", "rank").stdout)
    assert ranks[0] == ranks[1]
    assert len(ranks[0].splitlines()) == 10
    assert "from the cache" in ostler("logs", "latest", "list", "list the modules").stdout
