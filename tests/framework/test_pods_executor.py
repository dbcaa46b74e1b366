from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ostler.errors import BadRequest, Conflict, Internal, Unavailable
from ostler.pods import EventCancel, Executor, open_executor
from ostler.spi import (
    ContainerConfig,
    Exec,
    ExecConfig,
    ExecutorContext,
    ExecutorDriver,
    ExecutorType,
    Pod,
    PodConfig,
    Volume,
)
from ostler.testing.executor import ExecutorConformance
from ostler.testing.executor.steps import Collected, Never
from ostler_local import ostler_executors
from ostler_local.driver import LocalDriver, open_driver
from ostler_local.settings import LocalSettings


@pytest.fixture
def local(tmp_path: Path) -> Iterator[LocalDriver]:
    driver = open_driver(
        LocalSettings(), ExecutorContext(executor_id="e1", directory=str(tmp_path))
    )
    driver.setup()
    yield driver
    driver.close()


@pytest.fixture
def executor(local: LocalDriver) -> Executor:
    return Executor(local, name="local")


@pytest.fixture
def pod(executor: Executor) -> Pod:
    return executor.new_pod(PodConfig(id="p1", task_id="t1"), Collected(), Never())


class TestPortableExecutor(ExecutorConformance):
    """What stands in front of a driver behaves as the driver does."""

    @pytest.fixture
    def driver(self, executor: Executor) -> ExecutorDriver:
        return executor


GOOD = PodConfig(id="p", task_id="t")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (replace(GOOD, id=""), "pod id '' is not"),
        (replace(GOOD, id="../x"), "pod id '../x' is not"),
        (replace(GOOD, id="x" * 129), "is not 1 to 128"),
        (replace(GOOD, task_id="a b"), "pod task_id 'a b' is not"),
        (replace(GOOD, containers=()), "has no container"),
        (
            replace(GOOD, containers=(ContainerConfig(environment={"A=B": ""}),)),
            "container 0 of pod p: 'A=B' cannot be the name",
        ),
        (
            replace(GOOD, containers=(ContainerConfig(), ContainerConfig(environment={"A": "\0"}))),
            "container 1 of pod p: value of variable A holds a NUL",
        ),
        (
            replace(GOOD, containers=(ContainerConfig(volumes=(Volume(path="x"),)),)),
            "volume path 'x' is not absolute",
        ),
        (
            replace(GOOD, containers=(ContainerConfig(volumes=(Volume(path="/x", size=0),)),)),
            "volume /x has size 0",
        ),
    ],
)
def test_pods_that_can_never_be(executor: Executor, config: PodConfig, message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        executor.new_pod(config, Collected(), Never())


RUN = ExecConfig(argv=["true"], output=Collected())


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (replace(RUN, argv=[]), "argv is empty"),
        (replace(RUN, argv=["a\0b"]), "holds a NUL"),
        (replace(RUN, environment={"": "x"}), "cannot be the name"),
        (replace(RUN, working_dir="relative"), "'relative' is not absolute"),
        (replace(RUN, tty=True, error=Collected()), "a terminal has one output"),
    ],
)
def test_execs_that_can_never_be(pod: Pod, config: ExecConfig, message: str) -> None:
    with pytest.raises(BadRequest, match=f"exec in pod p1.*{message}"):
        pod.exec(config)


def test_paths_that_can_never_be(pod: Pod) -> None:
    for path in ("", "a\0b"):
        with pytest.raises(BadRequest):
            pod.directory(path, environment={}, user="", create=False)
        with pytest.raises(BadRequest):
            pod.get_archive(path)


def test_secret_is_not_shown(pod: Pod) -> None:
    with pytest.raises(BadRequest) as caught:
        pod.exec(replace(RUN, environment={"TOKEN": "hush\0"}))
    assert "hush" not in caught.value.message


def test_cancelled_before_it_began(executor: Executor) -> None:
    cancel = EventCancel()
    cancel.set()
    with pytest.raises(Conflict) as caught:
        executor.new_pod(GOOD, Collected(), cancel)
    assert caught.value.code == "cancelled"


def test_what_a_driver_raises_is_named(local: LocalDriver) -> None:
    class Broken(LocalDriver):
        def archs(self) -> list[str]:
            raise KeyError("arch")

        def group(self) -> str:
            raise Unavailable("later")

    broken = Executor(
        Broken(LocalSettings(), ExecutorContext(executor_id="x", directory="/")), name="mine"
    )
    with pytest.raises(Internal, match=r"'mine' failed in archs\(\): KeyError: 'arch'") as caught:
        broken.archs()
    assert isinstance(caught.value.__cause__, KeyError)
    with pytest.raises(Unavailable, match="later"):
        broken.group()


def test_what_an_exec_raises_is_named(pod: Pod) -> None:
    class Full(Collected):
        def write(self, data: bytes, /) -> object:
            raise ZeroDivisionError("odd")

    running: Exec = pod.exec(ExecConfig(argv=["echo", "x"], output=Full()))
    with pytest.raises(Internal, match=r"'local' failed in wait\(\): ZeroDivisionError: odd"):
        running.wait(20)


def test_archive_that_would_leave_is_refused(pod: Pod, tmp_path: Path) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("good"))
        tar.addfile(tarfile.TarInfo("../bad"))
    stream.seek(0)
    with pytest.raises(BadRequest, match=r"archive member '../bad' has a '\.\.' part"):
        pod.put_archive(str(tmp_path / "into"), stream, user="")
    assert not (tmp_path / "bad").exists()


def test_what_the_source_of_an_archive_raises_comes_out(pod: Pod, tmp_path: Path) -> None:
    class Broken:
        def read(self, size: int = -1, /) -> bytes:
            raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        pod.put_archive(str(tmp_path / "into"), Broken(), user="")


def test_open_executor(tmp_path: Path) -> None:
    (kind,) = ostler_executors()
    context = ExecutorContext(executor_id="e9", directory=str(tmp_path))
    executor = open_executor(kind, LocalSettings(), context)
    assert executor.executors() == ("e9",)
    executor.close()
    with pytest.raises(Internal, match="cannot load"):
        open_executor(replace_factory(kind), LocalSettings(), context)


def replace_factory(kind: ExecutorType) -> ExecutorType:
    return replace(kind, factory="ostler_local.driver:no_such")
