"""What only the local driver promises."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ostler.errors import BadRequest, Conflict
from ostler.spi import (
    ContainerConfig,
    ExecConfig,
    PodConfig,
    RegistryAuth,
    Volume,
)
from ostler.testing.executor.steps import Collected, Never, until
from ostler_local.driver import LocalDriver
from ostler_local.machine import user_name

from .conftest import OpenDriver, new_pod, run, start


def test_pod_is_private(driver: LocalDriver, home: Path) -> None:
    pod = new_pod(driver)
    assert stat.S_IMODE((home / "pods/p1").stat().st_mode) == 0o700
    code, output = run(pod, 'echo "$HOME $TMPDIR"; test -d "$HOME"; touch "$TMPDIR/x"')
    assert code == 0
    assert output.decode().split() == [str(home / "pods/p1/home"), str(home / "pods/p1/tmp")]
    pod.remove()
    assert list((home / "pods").iterdir()) == []


def test_log_says_what_is_not_honoured(driver: LocalDriver) -> None:
    config = PodConfig(
        id="p1",
        task_id="p1",
        containers=(
            ContainerConfig(
                image="python:3.12",
                user="somebody",
                privileged=True,
                entrypoint=("/init",),
                volumes=(Volume(path="/cache"),),
            ),
            ContainerConfig(image="postgres:16"),
            ContainerConfig(image="redis"),
        ),
        registries_auth={"example.org": RegistryAuth(username="u", password="p")},
    )
    log = Collected()
    driver.new_pod(config, log, Never()).remove()
    assert log.data.decode().splitlines() == [
        f"local: the steps are processes of this machine, run as user {user_name()}: "
        "nothing isolates them",
        "local: image python:3.12 is not used: the steps see the programs of this machine",
        f"local: user somebody is not honoured: the steps run as {user_name()}",
        "local: privileged has no meaning without a container",
        "local: entrypoint /init is not run",
        "local: no volume is mounted: /cache",
        "local: no service is started: postgres:16, redis",
        "local: credentials for example.org are not needed",
    ]


def test_log_of_a_plain_pod_is_one_line(driver: LocalDriver) -> None:
    log = Collected()
    container = ContainerConfig(user=str(os.geteuid()))
    driver.new_pod(PodConfig(id="p1", task_id="p1", containers=(container,)), log, Never()).remove()
    assert log.data.count(b"\n") == 1


def test_pod_id_that_exists(driver: LocalDriver, home: Path) -> None:
    pod = new_pod(driver)
    assert run(pod, "echo x > kept")[0] == 0
    with pytest.raises(Conflict):
        new_pod(driver)
    assert (home / "pods/p1/home/kept").exists()
    assert [one.info.id for one in driver.pods()] == ["p1"]


@pytest.mark.parametrize(
    "mess",
    [
        "rm -rf $HOME; ln -s / $HOME",
        "rm -rf $TMPDIR; ln -s / $TMPDIR",
        "rm -rf $HOME; echo file > $HOME",
        "rm -rf ~/project; ln -s / ~/project",
        "rmdir ~/project",
        "chmod 777 $HOME",
        "mkdir -p ~/project/deep; chmod 555 ~/project/deep ~/project",
        "cd ..; mkdir other; touch other/x; ln -s / root",
        "mkfifo ~/pipe; touch ~/.hidden $TMPDIR/-x",
    ],
)
def test_whatever_a_step_does_the_next_pod_is_clean(driver: LocalDriver, mess: str) -> None:
    pod = new_pod(driver)
    assert run(pod, mess)[0] == 0
    pod.remove()
    listing = "ls -lAR $HOME $TMPDIR .. | grep -v -e script- -e ^total; stat -c %a $HOME $TMPDIR"
    shown = []
    for name in ("a", "b"):
        fresh = new_pod(driver, name)
        shown.append(run(fresh, listing)[1].replace(b"/a/", b"/b/").split())
        fresh.remove()
    assert "kept" not in str(shown)
    assert shown[0][-2:] == [b"700", b"700"]


def test_spares_of_an_earlier_life(open_local: OpenDriver, home: Path) -> None:
    first = open_local()
    new_pod(first).remove()
    first.close()
    inodes = {spare.stat().st_ino for spare in (home / "spares").iterdir()}
    new_pod(open_local(), "p2")
    assert {(home / "pods/p2").stat().st_ino} == inodes


def test_environment_is_clean(open_local: OpenDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_MINE", "1")
    monkeypatch.setenv("LC_TIME", "C")
    monkeypatch.setenv("https_proxy", "http://proxy")
    names = {
        line.partition(b"=")[0].decode()
        for line in run(new_pod(open_local()), "env")[1].splitlines()
    }
    assert {"HOME", "LC_TIME", "LOGNAME", "PATH", "TMPDIR", "USER", "https_proxy"} <= names
    assert "SECRET_OF_MINE" not in names


@pytest.mark.parametrize(("setting", "seen"), [(["MINE_*"], "12"), (True, "123"), ([], "")])
def test_environment_as_configured(
    open_local: OpenDriver, monkeypatch: pytest.MonkeyPatch, setting: object, seen: str
) -> None:
    for name, value in (("MINE_A", "1"), ("MINE_B", "2"), ("YOURS", "3")):
        monkeypatch.setenv(name, value)
    pod = new_pod(open_local(inherit_environment=setting))
    assert run(pod, 'printf %s "$MINE_A$MINE_B$YOURS"')[1].decode() == seen


def test_marks_of_a_pod_within_a_pod(
    open_local: OpenDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OSTLER_POD", "outer/task/1")
    assert run(new_pod(open_local()), "echo $OSTLER_POD")[1].startswith(b"outer/task/1:")


@pytest.mark.parametrize(
    ("path", "message"),
    [("$NOT_SET/x", "NOT_SET is not set"), ("~somebody/x", "no home but")],
)
def test_directory_that_cannot_be_expanded(driver: LocalDriver, path: str, message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        new_pod(driver).directory(path, environment={}, user="", create=False)


def test_command_is_looked_up_in_the_processs_own_path(driver: LocalDriver, home: Path) -> None:
    program = home / "hello-there"
    program.write_text("#!/bin/sh\necho hello\n")
    program.chmod(0o755)
    pod, output = new_pod(driver), Collected()
    config = ExecConfig(
        argv=["hello-there"], output=output, environment={"PATH": f"/usr/bin:/bin:{home}"}
    )
    assert (pod.exec(config).wait(20), bytes(output.data)) == (0, b"hello\n")


def test_signals_have_their_defaults(driver: LocalDriver) -> None:
    """Python ignores SIGPIPE; `yes | head` must not run for ever because of it."""
    _, output = run(new_pod(driver), "grep -e SigIgn -e SigBlk /proc/self/status")
    of_the_c_library = 1 << 31 | 1 << 32
    masks = [int(mask, 16) & ~of_the_c_library for mask in output.split()[1::2]]
    assert masks == [0, 0]


def test_no_descriptor_leaks_into_a_process(driver: LocalDriver) -> None:
    pod = new_pod(driver)
    for tty in (False, True):
        assert run(pod, "exec ls /proc/self/fd", tty=tty)[1].split() == [b"0", b"1", b"2", b"3"]


def test_descriptors_are_given_back(driver: LocalDriver) -> None:
    def use() -> None:
        pod = new_pod(driver)
        for tty in (False, True):
            assert run(pod, "true", tty=tty)[0] == 0
            assert run(pod, "cat", tty=tty, stdin=io.BytesIO(b"x\n"))[0] == 0
            assert run(pod, "no-such", tty=tty)[0] == 127
        pod.remove()

    use()
    open_before = len(os.listdir("/proc/self/fd"))
    supervisor = f"/proc/{driver.supervisor_pid}/fd"
    theirs_before = len(os.listdir(supervisor))
    for _ in range(5):
        use()
    assert len(os.listdir("/proc/self/fd")) == open_before
    assert len(os.listdir(supervisor)) == theirs_before


def test_output_that_fails_ends_the_process(driver: LocalDriver) -> None:
    class Full(Collected):
        def write(self, data: bytes, /) -> object:
            raise OSError("no space left on the device")

    pod = new_pod(driver)
    config = ExecConfig(
        argv=["/bin/sh", "-c", "while :; do echo x; sleep 0.01; done"], output=Full()
    )
    running = pod.exec(config)
    for _ in range(2):
        with pytest.raises(OSError, match="no space left"):
            running.wait(20)
    pod.remove()


def test_input_that_fails_ends_the_process(driver: LocalDriver) -> None:
    class Broken:
        def read(self, size: int = -1, /) -> bytes:
            raise ValueError("the source broke")

    running, _ = start(new_pod(driver), "cat; sleep 60", stdin=Broken())
    with pytest.raises(ValueError, match="the source broke"):
        running.wait(20)


def test_server_of_an_earlier_step_lives_on(driver: LocalDriver, home: Path) -> None:
    """Its output is taken by nobody then, but it must not die of that."""
    pod = new_pod(driver)
    chatter = "(while :; do echo chatter; echo x >> alive; sleep 0.01; done) & echo started"
    code, output = run(pod, chatter)
    assert code == 0
    assert b"started" in output
    script = "n=$(wc -l < alive); until [ $(wc -l < alive) -gt $((n+5)) ]; do :; done; echo on"
    waiting, shown = start(pod, script)
    until(waiting, shown, b"on\n")
    pod.stop(0)


def test_wait_from_two_threads(driver: LocalDriver) -> None:
    running, _ = start(new_pod(driver), "read line; exit 7", stdin=_Late())
    codes: list[int | None] = []
    threads = [threading.Thread(target=lambda: codes.append(running.wait(20))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert codes == [7, 7]


class _Late:
    def __init__(self) -> None:
        self._pieces = [b"", b"x\n"]

    def read(self, size: int = -1, /) -> bytes:
        return self._pieces.pop()


def test_declaration_imports_nothing_heavy() -> None:
    names = "(name for name in sys.modules if name.startswith(('ostler_l', 'pydantic')))"
    code = f"import sys, ostler_local; print(*{names})"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "ostler_local\n"
