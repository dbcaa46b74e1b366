"""The foreground run: what it shows, prints and returns."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from typing import TYPE_CHECKING, Any

from ostler.variables import TASK_VARIABLES

if TYPE_CHECKING:
    from .conftest import Ostler


def run(command: str, **more: Any) -> dict[str, Any]:
    return {"run": {"command": command, "tty": False, **more}}


def test_a_graph_runs_to_success_and_json_tells_all_of_it(ostler: Ostler) -> None:
    path = ostler.write(
        {
            "name": "first",
            "steps": [
                run("echo made > made.txt", name="make"),
                {"save_to_workspace": {"contents": [{"paths": ["made.txt"]}]}},
            ],
        },
        {
            "name": "second",
            "depends": ["first"],
            "steps": [{"restore_workspace": {"dest_dir": "."}}, run("grep -q made made.txt")],
        },
    )
    printed = ostler.json("run", str(path))
    assert set(printed) == {"runs", "setup_errors"}
    (told,) = printed["runs"]
    assert (told["name"], told["counter"], told["phase"], told["result"]) == (
        "build",
        1,
        "finished",
        "success",
    )
    first, second = told["tasks"]["first"], told["tasks"]["second"]
    assert [step["type"] for step in first["steps"]] == ["run", "save_to_workspace"]
    assert first["steps"][0]["name"] == "make"
    assert [step["exit_code"] for step in second["steps"]] == [0, 0]
    assert [step["phase"] for step in second["steps"]] == ["success", "success"]
    assert first["end_time"] <= second["start_time"] <= second["end_time"]
    assert first["waiting_approval"] is False


def test_output_is_shown_with_the_name_of_its_task_and_kept(ostler: Ostler) -> None:
    path = ostler.write({"name": "talk", "steps": [run("echo one; echo two >&2; printf three")]})
    done = ostler("run", str(path))
    assert done.stdout == ""
    shown = done.stderr.splitlines()
    assert [line for line in shown if line.startswith("talk | ")] == [
        "talk | one",
        "talk | two",
        "talk | three",
    ]
    assert ostler("logs", "latest", "talk", "0").stdout == "one\ntwo\nthree"


def test_a_failing_step_fails_its_task_the_run_and_the_command(ostler: Ostler) -> None:
    path = ostler.write(
        {"name": "bad", "steps": [run("exit 7", name="breaks"), run("echo never")]},
        {"name": "after", "depends": ["bad"], "steps": [run("true")]},
        {"name": "rescue", "depends": [{"bad": ["on_failure"]}], "steps": [run("true")]},
        {"name": "skipped too", "depends": [{"after": ["on_skipped"]}], "steps": [run("true")]},
    )
    (told,) = ostler.json("run", str(path), code=1)["runs"]
    assert told["result"] == "failed"
    assert {name: task["status"] for name, task in told["tasks"].items()} == {
        "bad": "failed",
        "after": "skipped",
        "rescue": "success",
        "skipped too": "success",
    }
    steps = told["tasks"]["bad"]["steps"]
    assert [step["exit_code"] for step in steps] == [7, None]
    assert [step["phase"] for step in steps] == ["failed", "cancelled"]


def test_restart_of_what_failed_runs_nothing_again_that_had_succeeded(ostler: Ostler) -> None:
    path = ostler.write(
        {
            "name": "good",
            "steps": [
                run(f"echo good >> {ostler.directory}/ledger; echo kept > f"),
                {"save_to_workspace": {"contents": [{"paths": ["f"]}]}},
            ],
        },
        {
            "name": "flaky",
            "depends": ["good"],
            "steps": [
                {"restore_workspace": {"dest_dir": "."}},
                run(f"grep kept f && test -e {ostler.directory}/mended"),
            ],
        },
    )
    (failed,) = ostler.json("run", str(path), code=1)["runs"]
    (ostler.directory / "mended").touch()
    (again,) = ostler.json("restart", "--failed", failed["id"])["runs"]
    assert again["result"] == "success"
    assert again["counter"] == 2
    assert again["tasks"]["good"]["id"] == failed["tasks"]["good"]["id"]
    assert again["tasks"]["flaky"]["id"] != failed["tasks"]["flaky"]["id"]
    assert (ostler.directory / "ledger").read_text() == "good\n"
    ostler("remove", failed["id"])
    assert ostler("logs", again["id"], "good", "setup").stdout != ""
    assert [told["id"] for told in ostler.json("runs")["runs"]] == [again["id"]]
    refused = ostler("restart", "--failed", again["id"], code=2)
    assert "everything succeeded" in refused.stderr
    ostler("remove", again["id"])
    kept = {path.name for path in (ostler.home / "storage").iterdir()}
    assert {name for name in kept if ".ostler" not in name} == {"manifest", "wal"}


def test_every_mistake_of_a_config_is_told_and_no_run_is_made(ostler: Ostler) -> None:
    path = ostler.write({"name": "t", "depends": ["nobody"], "steps": [{"run": {"comand": "x"}}]})
    printed = ostler.json("run", str(path), code=2)
    assert printed["runs"] == []
    assert any("nobody" in error for error in printed["setup_errors"])
    assert any("comand" in error for error in printed["setup_errors"])
    for arguments in (["run", "nowhere"], ["restart", "nothing"], ["run", "--kv", "./path"]):
        printed = ostler.json(*arguments, code=2)
        assert printed["runs"] == []
        assert len(printed["setup_errors"]) == 1
    assert ostler.json("runs") == {"runs": [], "after": ""}


def test_variables_reach_the_environment_and_are_masked_in_logs(ostler: Ostler) -> None:
    path = ostler.write(
        {
            "name": "t",
            "environment": {"TOKEN": {"from_variable": "token"}},
            "steps": [run('test "$TOKEN" = s3cret-value && echo "it is $TOKEN"')],
        }
    )
    missing = ostler("run", str(path), code=2)
    assert "token" in missing.stderr
    ostler("run", str(path), "--var", "token=s3cret-value")
    logged = ostler("logs", "latest", "t", "0").stdout
    assert "s3cret-value" not in logged
    assert logged.startswith("it is ")


def test_an_interrupt_stops_the_run_in_order(ostler: Ostler) -> None:
    path = ostler.write(
        {"name": "long", "steps": [run("echo begun; sleep 60")]},
        {"name": "later", "depends": ["long"], "steps": [run("true")]},
    )
    started = ostler.start("run", str(path))
    started.await_line(lambda line: line == "long | begun")
    started.process.send_signal(signal.SIGINT)
    assert started.wait() == 3
    (told,) = ostler.json("runs", "latest")["runs"]
    assert told["result"] == "stopped"
    assert {name: task["status"] for name, task in told["tasks"].items()} == {
        "long": "stopped",
        "later": "cancelled",
    }


def test_what_no_executor_here_can_run_fails_with_the_reason(ostler: Ostler) -> None:
    path = ostler.write({"name": "t", "runtime": {"arch": "s390x"}, "steps": [run("true")]})
    (told,) = ostler.json("run", str(path), code=1)["runs"]
    assert "s390x" in told["tasks"]["t"]["reason"]


def test_only_the_runs_that_are_named_run(ostler: Ostler) -> None:
    path = ostler.directory / "two.json"
    runs = [
        {"name": name, "tasks": [{"name": "t", "steps": [run(f"echo {name}")]}]}
        for name in ("one", "two")
    ]
    path.write_text(json.dumps({"runs": runs}))
    assert [told["name"] for told in ostler.json("run", str(path), "--run", "two")["runs"]] == [
        "two"
    ]
    assert len(ostler.json("run", "--config", str(path))["runs"]) == 2
    assert "three" in ostler("run", str(path), "--run", "three", code=2).stderr


def test_a_step_can_run_ostler_itself(ostler: Ostler) -> None:
    command = f"{sys.executable} -m ostler runs --home inner && env | grep ^OSTLER_ | cut -d= -f1"
    ostler("run", str(ostler.write({"name": "t", "steps": [run(command)]})))
    shown = ostler("logs", "latest", "t", "0").stdout.splitlines()
    assert set(shown[1:]) <= TASK_VARIABLES
    assert "OSTLER_RUN_ID" in shown


def test_a_user_that_cannot_be_had_is_said_in_the_setup_log(ostler: Ostler) -> None:
    path = ostler.write({"name": "t", "user": "somebody", "steps": [run("true")]})
    ostler("run", str(path))
    assert "user somebody is not honoured" in ostler("logs", "latest", "t", "setup").stdout


def test_logs_of_what_did_not_run_and_of_what_was_removed_are_explained(ostler: Ostler) -> None:
    path = ostler.write(
        {"name": "bad", "steps": [run("exit 1", name="breaks")]},
        {"name": "after", "depends": ["bad"], "steps": [run("true")]},
    )
    ostler("run", str(path), code=1)
    shutil.rmtree(ostler.home / "storage" / "logs")
    skipped = ostler("logs", "-f", "latest", "after")
    assert skipped.stderr == "== after: skipped: task 'bad' ended as failed\n"
    assert "it was removed there" in ostler("logs", "latest", "bad", "breaks", code=2).stderr
    wrong = ostler("logs", "latest", "bad", "brakes", code=2).stderr
    assert "it has 'setup', '0 breaks'" in wrong


def test_a_storage_that_does_not_belong_to_the_store_is_refused(ostler: Ostler) -> None:
    path = ostler.write({"name": "t", "steps": [run("true")]})
    ostler("run", str(path))
    refused = ostler("runs", "--storage", f"posix://{ostler.directory}/other", code=4)
    assert "the key-value store belongs to the database" in refused.stderr
    assert len(ostler.json("runs")["runs"]) == 1


def test_a_storage_that_does_not_work_is_told_before_a_run_is_made(ostler: Ostler) -> None:
    path = ostler.write({"name": "t", "steps": [run("true")]})
    (ostler.directory / "file").touch()
    ostler("run", str(path), "--storage", f"posix://{ostler.directory}/file", code=4)
    assert ostler.json("runs") == {"runs": [], "after": ""}
