"""Commands that meet a running `ostler run` in the key-value store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .test_run import run

if TYPE_CHECKING:
    from .conftest import Ostler


def test_stop(ostler: Ostler) -> None:
    path = ostler.write({"name": "long", "steps": [run("echo begun; sleep 60")]})
    started = ostler.start("run", str(path))
    started.await_line(lambda line: line == "long | begun")
    (told,) = ostler.json("runs")["runs"]
    assert told["phase"] == "running"
    ostler("stop", told["id"])
    assert started.wait() == 3
    refused = ostler("stop", told["id"], code=2)
    assert "finished" in refused.stderr


def test_approve(ostler: Ostler) -> None:
    path = ostler.write({"name": "publish", "approval": True, "steps": [run("echo published")]})
    started = ostler.start("run", str(path))
    started.await_line(lambda line: line == "publish: waits for approval")
    (told,) = ostler.json("runs", "latest")["runs"]
    assert told["tasks"]["publish"]["waiting_approval"] is True
    ostler("approve", "latest", "publish", "--user", "ann")
    assert started.wait() == 0
    assert "publish | published" in started.lines


def test_approve_all(ostler: Ostler) -> None:
    path = ostler.write({"name": "publish", "approval": True, "steps": [run("true")]})
    assert ostler.json("run", str(path), "--approve-all")["runs"][0]["result"] == "success"


def test_follow_logs_while_they_are_written(ostler: Ostler) -> None:
    go = ostler.directory / "go"
    path = ostler.write(
        {
            "name": "slow",
            "steps": [run(f"echo before; while [ ! -e {go} ]; do sleep 0.05; done; echo after")],
        }
    )
    started = ostler.start("run", str(path))
    started.await_line(lambda line: line == "slow | before")
    (told,) = ostler.json("runs")["runs"]
    assert ostler("logs", told["id"], "slow", "0").stdout == "before\n"
    go.touch()
    assert ostler("logs", "-f", told["id"], "slow", "0").stdout == "before\nafter\n"
    assert started.wait() == 0


def test_a_second_run_of_the_same_waits_and_can_be_cancelled(ostler: Ostler) -> None:
    path = ostler.write({"name": "long", "steps": [run("echo begun; sleep 60")]})
    first = ostler.start("run", str(path))
    first.await_line(lambda line: line == "long | begun")
    second = ostler.start("run", str(path))
    second.await_line(lambda line: "#2: queued" in line)
    queued, running = ostler.json("runs")["runs"]
    assert (queued["phase"], running["phase"]) == ("queued", "running")
    ostler("cancel", queued["id"])
    assert second.wait() == 3
    ostler("stop", running["id"])
    assert first.wait() == 3


def test_a_killed_run_lets_the_one_behind_it_go_on(ostler: Ostler) -> None:
    path = ostler.write(
        {"name": "t", "steps": [run("echo begun; test -e done || sleep 60", name="s")]}
    )
    first = ostler.start("run", str(path))
    first.await_line(lambda line: line == "t | begun")
    quick = ostler.write({"name": "t", "steps": [run("echo quick")]})
    second = ostler.start("run", str(quick))
    second.await_line(lambda line: "#2: queued" in line)
    first.process.kill()
    assert second.wait() == 0
    later, earlier = ostler.json("runs")["runs"]
    assert (later["result"], earlier["result"]) == ("success", "stopped")
    assert "ended without" in earlier["annotations"]["reason"]
