from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from ostler.errors import Conflict
from ostler.spi.executor import (
    Cancel,
    Exec,
    ExecConfig,
    ExecutorContext,
    ExecutorDriver,
    ExecutorType,
    Output,
    Pod,
    PodConfig,
    PodInfo,
)
from ostler.spi.info import load_reference
from ostler.spi.storage import Body, Readable

from ._archives import CheckedArchive
from ._calls import call
from ._configs import check_exec, check_path, check_pod

__all__ = ["Executor", "open_executor"]


class Executor(ExecutorDriver):
    """A driver, made safe to use: the same methods, the same meaning, and these guarantees.

    - What no driver could run is `BadRequest` before the driver sees it.
    - Only errors of `ostler.errors` come out; anything else is `Internal` and
      names the driver and the operation.
    - Archives on their way into a pod are checked, see `CheckedArchive`.
    - The pods that it returns give the same guarantees.

    :param name: of the driver, for messages.
    """

    def __init__(self, driver: ExecutorDriver, *, name: str) -> None:
        self._driver = driver
        self._name = name

    def setup(self) -> None:
        call(self._name, self._driver.setup)

    def archs(self) -> Sequence[str]:
        return call(self._name, self._driver.archs)

    def group(self) -> str:
        return call(self._name, self._driver.group)

    def executors(self) -> Sequence[str]:
        return call(self._name, self._driver.executors)

    def new_pod(self, config: PodConfig, log: Output, cancel: Cancel) -> Pod:
        check_pod(config)
        if cancel.is_set():
            raise Conflict(f"pod {config.id} was cancelled before it began", code="cancelled")
        return _Pod(call(self._name, self._driver.new_pod, config, log, cancel), self._name)

    def pods(self, *, all: bool = False) -> Sequence[Pod]:
        return [_Pod(pod, self._name) for pod in call(self._name, self._driver.pods, all=all)]

    def close(self) -> None:
        call(self._name, self._driver.close)


def open_executor(kind: ExecutorType, settings: Any, context: ExecutorContext) -> Executor:
    """Load the driver of ``kind``, open it and make it ready.

    :param settings: an instance of the model that ``kind.settings`` names.
    :raises Internal: the driver cannot be loaded.
    :raises Unavailable: it cannot be made ready.
    """
    factory = load_reference(kind.factory)
    driver = cast("ExecutorDriver", call(kind.name, factory, settings, context))
    executor = Executor(driver, name=kind.name)
    executor.setup()
    return executor


class _Pod(Pod):
    def __init__(self, pod: Pod, driver: str) -> None:
        self._pod = pod
        self._driver = driver

    @property
    def info(self) -> PodInfo:
        return self._pod.info

    def exec(self, config: ExecConfig) -> Exec:
        check_exec(self.info.id, config)
        return _Exec(call(self._driver, self._pod.exec, config), self._driver)

    def directory(
        self, path: str, *, environment: Mapping[str, str], user: str, create: bool
    ) -> str:
        check_path(f"directory in pod {self.info.id}", path)
        return call(
            self._driver,
            self._pod.directory,
            path,
            environment=environment,
            user=user,
            create=create,
        )

    def put_archive(self, path: str, source: Readable, *, user: str) -> None:
        check_path(f"directory in pod {self.info.id}", path)
        with CheckedArchive(source) as archive:
            try:
                call(self._driver, self._pod.put_archive, path, archive, user=user)
            except Exception:
                # What the source or the check raised is the reason, whatever
                # the driver made of it.
                if archive.failure is not None:
                    raise archive.failure from None
                raise

    def get_archive(self, path: str) -> Body:
        check_path(f"directory in pod {self.info.id}", path)
        return _Body(call(self._driver, self._pod.get_archive, path), self._driver)

    def stop(self, grace: float) -> None:
        call(self._driver, self._pod.stop, grace)

    def remove(self) -> None:
        call(self._driver, self._pod.remove)


class _Exec(Exec):
    def __init__(self, exec: Exec, driver: str) -> None:
        self._exec = exec
        self._driver = driver

    def wait(self, timeout: float | None = None) -> int | None:
        return call(self._driver, self._exec.wait, timeout)

    def signal(self, number: int) -> None:
        call(self._driver, self._exec.signal, number)


class _Body(Body):
    def __init__(self, body: Body, driver: str) -> None:
        self._body = body
        self._driver = driver

    def read(self, size: int = -1, /) -> bytes:
        return call(self._driver, self._body.read, size)

    def close(self) -> None:
        call(self._driver, self._body.close)
