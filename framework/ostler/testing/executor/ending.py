from __future__ import annotations

import signal
import time

from ostler.clock import SystemClock
from ostler.errors import Unavailable
from ostler.spi import ExecutorDriver, Pod

from .steps import Base, Collected, finish, raises, run, start, survivors, together, until

__all__ = ["EndingChecks"]

_CLOCK = SystemClock()

# Deaf to politeness, in a session of its own, without the variables that it was given.
_HIDING = (
    "setsid env -i sh -c 'trap \"\" TERM HUP; echo on; while :; do sleep 0.05 || :; done' {mark}"
    " < /dev/null &\n"
)
_TWICE = "(setsid sh -c 'trap \"\" TERM HUP; echo on; while :; do sleep 0.05 || :; done' {mark} < /dev/null &)\n"


class EndingChecks(Base):
    """Stopping and removing."""

    def test_stop_is_polite_first(self, driver: ExecutorDriver) -> None:
        script = "trap 'echo bye; exit 5' TERM; echo on; while :; do sleep 0.05 || :; done"
        with self.pod(driver) as pod:
            job, output = start(pod, script)
            until(job, output, b"on\n")
            pod.stop(10)
            assert (finish(job), b"bye\n" in output.data) == (5, True)

    def test_stop_does_not_wait_longer_than_it_must(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            job, output = start(pod, "echo on; sleep 60")
            until(job, output, b"on\n")
            began = time.monotonic()
            pod.stop(15)
            took = time.monotonic() - began
            assert finish(job) == 128 + signal.SIGTERM
        assert took < 8, f"all had ended at once, but stop took {took:.1f} s"

    def test_stop_uses_force(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            job, output = start(
                pod, "trap '' TERM HUP INT; echo on; while :; do sleep 0.05 || :; done"
            )
            until(job, output, b"on\n")
            pod.stop(0.2)
            assert finish(job) == 128 + signal.SIGKILL
            pod.stop(0.2)

    def test_stop_finds_who_hides(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            mark = _hide(pod)
            pod.stop(0.1)
            assert survivors(mark) == [], "processes outlived stop"

    def test_stop_keeps_the_files(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            path = pod.directory("~/kept", environment={}, user="", create=True)
            run(pod, "echo x > file", working_dir=path)
            pod.stop(0)
            with pod.get_archive(path) as body:
                assert body.read(1), "the pod's files must stay until it is removed"

    def test_remove_finds_who_hides(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            mark = _hide(pod)
            pod.remove()
            assert survivors(mark) == [], "processes outlived remove"

    def test_remove_while_it_runs(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            job, output = start(pod, "trap '' TERM; echo on; while :; do sleep 0.05 || :; done")
            until(job, output, b"on\n")
            together([pod.remove, lambda: _end(job.wait)])

    def test_remove_twice(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            pod.remove()
            pod.remove()
            raises(Unavailable, lambda: run(pod, "true"), "an exec in a removed pod")

    def test_remove_of_what_is_read_only(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            home = pod.directory("~", environment={}, user="", create=True)
            run(pod, "mkdir -p a/b; touch a/b/f; ln -s / a/root; chmod -R a-w a", working_dir=home)
            pod.remove()
            assert pod.info.id not in [other.info.id for other in driver.pods()]

    def test_one_pods_end_is_not_anothers(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as one, self.pod(driver) as other:
            job, output = start(other, "echo on; sleep 60")
            until(job, output, b"on\n")
            run(one, "setsid sleep 60 > /dev/null &")
            one.stop(0)
            one.remove()
            assert job.wait(0.1) is None, "stopping one pod ended a process of another"


def _hide(pod: Pod) -> str:
    """Start processes that do all they can to outlive the pod; return what is in their command lines."""
    mark = f"hidden-{_CLOCK.new_id()}"
    output = Collected()
    job, _ = start(pod, (_HIDING + _TWICE + "sleep 60").format(mark=mark), output=output)
    until(job, output, b"on\non\n")
    second, more = start(pod, _HIDING.format(mark=mark) + "wait\n")
    until(second, more, b"on\n")
    return mark


def _end(wait: object) -> None:
    """The exec of a pod that is removed ends, or is lost."""
    assert callable(wait)
    try:
        assert wait(10) is not None, "an exec outlived its pod"
    except Unavailable:
        return
