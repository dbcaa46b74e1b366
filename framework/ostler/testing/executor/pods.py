from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from ostler.errors import BadRequest, Conflict, Error
from ostler.spi import ExecutorDriver, Output, PodConfig

from .steps import PATIENCE, Base, Collected, Never, raises, run, together

__all__ = ["PodChecks"]


class PodChecks(Base):
    """Pods, and who has them."""

    def test_pod_says_who_it_is(self, driver: ExecutorDriver) -> None:
        config = self.config()
        pod = driver.new_pod(config, Collected(), Never())
        try:
            assert (pod.info.id, pod.info.task_id) == (config.id, config.task_id)
            assert pod.info.executor_id in driver.executors(), "an executor is alive and knows it"
        finally:
            pod.remove()

    def test_pods_are_listed_until_removed(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as one, self.pod(driver) as other:
            for every in (False, True):
                infos = [pod.info for pod in driver.pods(all=every)]
                assert one.info in infos
                assert other.info in infos
            one.remove()
            for every in (False, True):
                infos = [pod.info for pod in driver.pods(all=every)]
                assert one.info not in infos, "a removed pod is listed"
                assert other.info in infos

    def test_listed_pod_can_be_removed(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            (found,) = [one for one in driver.pods() if one.info == pod.info]
            found.remove()
            assert pod.info not in [one.info for one in driver.pods()]

    def test_pods_are_apart(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as one, self.pod(driver) as other:
            for pod, word in ((one, "one"), (other, "other")):
                home = pod.directory("~", environment={}, user="", create=True)
                assert run(pod, f"test ! -e f; echo {word} > f", working_dir=home).code == 0

    def test_pod_begins_empty(self, driver: ExecutorDriver) -> None:
        script = (
            'cd "$HOME"; echo x > kept; mkdir -p project; chmod 755 .; echo x > "${TMPDIR-.}/kept"'
        )
        with self.pod(driver) as pod:
            assert run(pod, script).code == 0
        with self.pod(driver) as pod:
            assert run(pod, 'test ! -e "$HOME/kept"; test ! -e "${TMPDIR-.}/kept"').code == 0

    def test_pods_at_once(self, driver: ExecutorDriver) -> None:
        def work() -> None:
            with self.pod(driver) as pod:
                assert run(pod, 'printf "%s" "$0"').code == 0

        together([work] * 6)

    def test_log_is_lines(self, driver: ExecutorDriver) -> None:
        log = Collected()
        driver.new_pod(self.config(user=""), log, Never()).remove()
        assert not log.data or log.data.endswith(b"\n"), "the log must end with a whole line"

    def test_cancelled_pod_is_not_made(self, driver: ExecutorDriver) -> None:
        self._cancelled(driver, _Cancelled(), Collected())

    def test_pod_cancelled_meanwhile(self, driver: ExecutorDriver) -> None:
        cancel = _Cancelled(after=2)
        config = self.config()
        with contextlib.suppress(Conflict):  # too late to be noticed is right too
            driver.new_pod(config, _Telling(cancel), cancel).remove()
        assert config.id not in [pod.info.id for pod in driver.pods()]

    def test_wrong_architecture(self, driver: ExecutorDriver) -> None:
        config = self.config()
        wrong = PodConfig(
            id=config.id, task_id=config.task_id, arch="pdp11", containers=config.containers
        )
        raises(BadRequest, lambda: driver.new_pod(wrong, Collected(), Never()), "pdp11")
        assert config.id not in [pod.info.id for pod in driver.pods()]

    def test_log_that_fails_leaves_nothing(self, driver: ExecutorDriver) -> None:
        config = self.config()
        with contextlib.suppress(OSError, Error):
            driver.new_pod(config, _Broken(), Never()).remove()
        assert config.id not in [pod.info.id for pod in driver.pods()]

    def test_describes_itself(self, driver: ExecutorDriver) -> None:
        archs = driver.archs()
        assert archs, "an executor has at least one architecture"
        assert not {"x86_64", "aarch64", "i686", "armv7l"} & set(archs), "as in Go: amd64, arm64"
        assert driver.group(), "a group has an id"
        assert driver.group() == driver.group()

    def test_close_twice(self, driver: ExecutorDriver) -> None:
        driver.close()
        driver.close()

    def _cancelled(self, driver: ExecutorDriver, cancel: _Cancelled, log: Output) -> None:
        config = self.config()
        error = raises(
            Conflict, lambda: driver.new_pod(config, log, cancel), "a pod that was cancelled"
        )
        assert error.code == "cancelled"
        assert config.id not in [pod.info.id for pod in driver.pods()], "something of it was left"


class _Cancelled:
    """A `Cancel` that is set, from the ``after``-th time on that somebody looks, or when told."""

    def __init__(self, after: int = 0) -> None:
        self._left = after
        self._event = threading.Event()

    def set(self) -> None:
        self._event.set()

    def is_set(self) -> bool:
        self._left -= 1
        if self._left < 0:
            self._event.set()
        return self._event.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        return self.is_set() or self._event.wait(min(timeout or PATIENCE, PATIENCE))

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        if self.is_set():
            callback()
        return lambda: None


class _Telling:
    """A log; its first line cancels."""

    def __init__(self, cancel: _Cancelled) -> None:
        self._cancel = cancel

    def write(self, data: bytes, /) -> object:
        self._cancel.set()
        return None

    def descriptor(self) -> int | None:
        return None


class _Broken:
    """A log on a full disk."""

    def write(self, data: bytes, /) -> object:
        raise OSError("no space left for the log")

    def descriptor(self) -> int | None:
        return None
