from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ostler.spi import Exec, ExecConfig, ExecutorContext, ExecutorDriver, Pod, PodConfig
from ostler.testing.executor.steps import Collected, Never
from ostler_local.driver import LocalDriver, open_driver
from ostler_local.settings import LocalSettings

OpenDriver = Callable[..., LocalDriver]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The directory of the executor."""
    return tmp_path / "executor"


@pytest.fixture
def open_local(home: Path) -> Iterator[OpenDriver]:
    """Opens lives of the executor ``e1``; closes them at the end."""
    opened: list[LocalDriver] = []

    def open_one(**settings: object) -> LocalDriver:
        context = ExecutorContext(executor_id="e1", directory=str(home))
        driver = open_driver(LocalSettings.model_validate(settings), context)
        opened.append(driver)
        driver.setup()
        return driver

    yield open_one
    for driver in opened:
        driver.close()


@pytest.fixture
def driver(open_local: OpenDriver) -> LocalDriver:
    return open_local()


def new_pod(driver: ExecutorDriver, id: str = "p1") -> Pod:
    return driver.new_pod(PodConfig(id=id, task_id=id), Collected(), Never())


def start(pod: Pod, script: str, **options: object) -> tuple[Exec, Collected]:
    output = Collected()
    config = ExecConfig(argv=["/bin/sh", "-e"], script=script.encode(), output=output, **options)  # type: ignore[arg-type]
    return pod.exec(config), output


def run(pod: Pod, script: str, **options: object) -> tuple[int | None, bytes]:
    started, output = start(pod, script, **options)
    return started.wait(20), bytes(output.data)
