"""Whoever is killed, and however: nothing that a pod started is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import uuid
from pathlib import Path

import pytest

from ostler.errors import Unavailable
from ostler.testing.executor.steps import survivors, until
from ostler_local import driver as driver_module

from .conftest import OpenDriver, new_pod, run, start

# Daemons of three kinds, none of which minds SIGTERM; the mark is in their command lines.
HIDDEN = """
    trap '' TERM HUP
    loop='trap "" TERM HUP; echo on; while :; do sleep 0.05; done'
    setsid sh -c "$loop" {mark} &
    (setsid sh -c "$loop" {mark} < /dev/null &)
    setsid env -i sh -c "$loop" {mark} &
    while :; do sleep 0.05; done
"""

OWNER = """
    import sys
    from ostler.spi import ExecConfig, ExecutorContext, PodConfig
    from ostler.testing.executor.steps import Collected, Never, until
    from ostler_local.driver import open_driver
    from ostler_local.settings import LocalSettings

    directory, script = sys.argv[1:]
    driver = open_driver(LocalSettings(), ExecutorContext(executor_id="e1", directory=directory))
    driver.setup()
    pod = driver.new_pod(PodConfig(id="p1", task_id="t1"), Collected(), Never())
    output = Collected()
    running = pod.exec(ExecConfig(argv=["/bin/sh", "-e"], script=script.encode(), output=output))
    until(running, output, b"on\\non\\non\\n")
    print(driver.supervisor_pid, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def mark() -> str:
    return f"hidden-{uuid.uuid4().hex}"


def start_owner(home: Path, mark: str) -> tuple[subprocess.Popen[str], int]:
    owner = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(OWNER), str(home), HIDDEN.format(mark=mark)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout
    return owner, int(owner.stdout.readline())


def end_owner(owner: subprocess.Popen[str]) -> None:
    owner.kill()
    with owner:
        owner.wait()


def test_killed_owner_leaves_no_process(home: Path, mark: str, open_local: OpenDriver) -> None:
    owner, _ = start_owner(home, mark)
    assert survivors(mark)
    end_owner(owner)
    driver = open_local()
    assert survivors(mark) == [], "setup waits for the end of the earlier life"
    (pod,) = driver.pods()
    assert (pod.info.id, pod.info.task_id, pod.info.executor_id) == ("p1", "t1", "e1")
    pod.remove()
    assert (driver.pods(), list((home / "pods").iterdir())) == ([], [])


def test_killed_owner_and_supervisor_leave_what_remove_finds(
    home: Path, mark: str, open_local: OpenDriver
) -> None:
    owner, supervisor = start_owner(home, mark)
    owner.send_signal(signal.SIGSTOP)
    os.kill(supervisor, signal.SIGKILL)
    end_owner(owner)
    driver = open_local()
    assert survivors(mark)
    (pod,) = driver.pods()
    pod.stop(0.05)
    assert survivors(mark) == []
    pod.remove()
    assert driver.pods() == []


def test_left_pod_can_still_be_looked_into(home: Path, mark: str, open_local: OpenDriver) -> None:
    owner, _ = start_owner(home, mark)
    end_owner(owner)
    (pod,) = open_local().pods()
    place = pod.directory("~", environment={}, user="", create=False)
    assert place == str(home / "pods/p1/home")
    assert run(pod, "pwd")[1].decode().strip() == place
    pod.remove()


def test_killed_supervisor_takes_all_along(mark: str, open_local: OpenDriver) -> None:
    driver = open_local()
    pod = new_pod(driver)
    running, output = start(pod, HIDDEN.format(mark=mark))
    until(running, output, b"on\non\non\n")
    os.kill(driver.supervisor_pid, signal.SIGKILL)
    with pytest.raises(Unavailable, match="supervisor ended unexpectedly"):
        running.wait(20)
    assert survivors(mark) == []
    assert run(pod, "echo again") == (0, b"again\n"), "a new supervisor takes over"
    pod.remove()


def test_killed_supervisor_that_nobody_noticed(mark: str, open_local: OpenDriver) -> None:
    driver = open_local()
    pod, other = new_pod(driver), new_pod(driver, "p2")
    for each in (pod, other):
        running, output = start(each, HIDDEN.format(mark=mark))
        until(running, output, b"on\non\non\n")
    os.kill(driver.supervisor_pid, signal.SIGKILL)
    pod.remove()
    assert survivors(mark) == []
    other.remove()
    assert driver.pods() == []


def test_supervisor_told_to_end_takes_all_along(mark: str, open_local: OpenDriver) -> None:
    driver = open_local()
    running, output = start(new_pod(driver), HIDDEN.format(mark=mark))
    until(running, output, b"on\non\non\n")
    os.kill(driver.supervisor_pid, signal.SIGTERM)
    with pytest.raises(Unavailable):
        running.wait(20)
    assert survivors(mark) == []


def test_close_kills(mark: str, open_local: OpenDriver) -> None:
    driver = open_local()
    running, output = start(new_pod(driver), HIDDEN.format(mark=mark))
    until(running, output, b"on\non\non\n")
    driver.close()
    assert survivors(mark) == []
    with pytest.raises(Unavailable, match="was closed"):
        running.wait(20)


def test_second_owner_is_refused(open_local: OpenDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    open_local()
    monkeypatch.setattr(driver_module, "_PATIENCE", 0)
    with pytest.raises(Unavailable, match="runs already in another process"):
        open_local()


def test_hopping_process_is_caught(home: Path, mark: str, open_local: OpenDriver) -> None:
    """One that lives on only as ever new children, without session or environment to tell whose."""
    pod = new_pod(open_local())
    hop = home / "hop"
    hop.write_text('setsid env -i PATH="$PATH" sh "$0" "$1" < /dev/null > /dev/null 2>&1 &\n')
    running, _ = start(pod, f"sh {hop} {mark}\n")
    assert running.wait(20) == 0
    assert any(survivors(mark) for _ in range(1000)), "it hops"
    pod.remove()
    assert survivors(mark) == []


def test_who_sheds_everything_is_the_last_pods(mark: str, open_local: OpenDriver) -> None:
    """Nobody can tell whose it is: the last pod that could have started it answers for it."""
    driver = open_local()
    one, other = new_pod(driver, "one"), new_pod(driver, "other")
    keeping, kept = start(other, "echo on; sleep 60")
    until(keeping, kept, b"on\n")
    script = "(setsid env -i sh -c 'while :; do sleep 0.05; done' {mark} > /dev/null 2>&1 &)"
    assert run(one, script.format(mark=mark))[0] == 0
    one.remove()
    assert keeping.wait(0) is None
    other.remove()
    assert survivors(mark) == []
