"""The local executor: a pod with one step, and what a step prints."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ostler.pods import EventCancel, Executor
from ostler.spi import ExecConfig, ExecutorContext, PodConfig
from ostler_local.driver import open_driver
from ostler_local.settings import LocalSettings

MIB = 1 << 20
SIZE = 64 * MIB


class Log:
    def __init__(self, descriptor: int, *, direct: bool) -> None:
        self._descriptor = descriptor
        self._direct = direct

    def write(self, data: bytes, /) -> object:
        return os.write(self._descriptor, data)

    def descriptor(self) -> int | None:
        return self._descriptor if self._direct else None


@pytest.fixture
def executor(tmp_path: Path) -> Iterator[Executor]:
    context = ExecutorContext(executor_id="bench", directory=str(tmp_path / "executor"))
    executor = Executor(open_driver(LocalSettings(), context), name="local")
    executor.setup()
    yield executor
    executor.close()


@pytest.fixture
def descriptor(tmp_path: Path) -> Iterator[int]:
    number = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    yield number
    os.close(number)


def once(executor: Executor, name: str, log: Log, script: bytes, *, tty: bool) -> None:
    pod = executor.new_pod(PodConfig(id=name, task_id=name), log, EventCancel())
    config = ExecConfig(argv=["/bin/sh", "-e"], script=script, tty=tty, output=log)
    assert pod.exec(config).wait() == 0
    pod.remove()


@pytest.mark.parametrize("tty", [False, True], ids=["pipe", "terminal"])
def test_pod_with_one_step(benchmark, executor: Executor, descriptor: int, tty: bool) -> None:
    numbers = itertools.count()
    log = Log(descriptor, direct=not tty)
    benchmark(lambda: once(executor, f"pod-{next(numbers)}", log, b"true\n", tty=tty))


@pytest.mark.parametrize(("way", "goal"), [("descriptor", 100), ("pump", 100), ("terminal", 30)])
def test_output(benchmark, executor: Executor, descriptor: int, way: str, goal: int) -> None:
    numbers = itertools.count()
    log = Log(descriptor, direct=way == "descriptor")
    script = (
        f"yes 'sixty-four characters of a line that a compiler would have written' | head -c {SIZE}"
    )

    def prints() -> None:
        os.ftruncate(descriptor, 0)
        name = f"pod-{next(numbers)}"
        once(executor, name, log, script.encode(), tty=way == "terminal")

    benchmark.pedantic(prints, rounds=3)
    assert os.fstat(descriptor).st_size >= SIZE
    if benchmark.stats:
        rate = SIZE / benchmark.stats["median"] / 1e6
        benchmark.extra_info["MB/s"] = round(rate)
        assert rate > goal
