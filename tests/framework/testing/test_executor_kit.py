"""The kit passes a driver that is right, and fails each of many that are wrong in one way."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ostler.errors import Conflict, NotFound
from ostler.pods import EventCancel
from ostler.spi import (
    Body,
    Cancel,
    Exec,
    ExecConfig,
    ExecutorContext,
    Output,
    Pod,
    PodConfig,
    PodInfo,
    Readable,
)
from ostler.spi.storage import BytesBody
from ostler.testing.executor import conformance_checks, run_conformance
from ostler.testing.report import run_checks
from ostler_local.driver import LocalDriver
from ostler_local.settings import LocalSettings


class WrappedExec(Exec):
    """An exec of the local driver, for a mistake to be built on."""

    def __init__(self, inner: Exec, config: ExecConfig) -> None:
        self.inner = inner
        self.config = config

    def wait(self, timeout: float | None = None) -> int | None:
        code = self.inner.wait(timeout)
        return code if code is None else self.code(code)

    def code(self, code: int) -> int:
        return code

    def signal(self, number: int) -> None:
        self.inner.signal(number)


class WrappedPod(Pod):
    """A pod of the local driver, likewise."""

    execs: type[WrappedExec] = WrappedExec

    def __init__(self, inner: Pod, environment: Mapping[str, str]) -> None:
        self.inner = inner
        self.environment = environment
        self.started: list[Exec] = []

    @property
    def info(self) -> PodInfo:
        return self.inner.info

    def config(self, config: ExecConfig) -> ExecConfig:
        return config

    def exec(self, config: ExecConfig) -> Exec:
        self.started.append(self.inner.exec(self.config(config)))
        return self.execs(self.started[-1], config)

    def directory(
        self, path: str, *, environment: Mapping[str, str], user: str, create: bool
    ) -> str:
        return self.inner.directory(path, environment=environment, user=user, create=create)

    def put_archive(self, path: str, source: Readable, *, user: str) -> None:
        self.inner.put_archive(path, source, user=user)

    def get_archive(self, path: str) -> Body:
        return self.inner.get_archive(path)

    def stop(self, grace: float) -> None:
        self.inner.stop(grace)

    def remove(self) -> None:
        self.inner.remove()


class Wrong(LocalDriver):
    """A driver whose pods are wrong in one way."""

    wrap: type[WrappedPod] = WrappedPod

    def new_pod(self, config: PodConfig, log: Output, cancel: Cancel) -> Pod:
        environment = config.containers[0].environment
        return self.wrap(super().new_pod(config, log, cancel), environment)


class Log:
    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes, /) -> object:
        self.data += data
        return None

    def descriptor(self) -> int | None:
        return None


def wrong_exec(code: Callable[[int], int]) -> type[WrappedPod]:
    """Exit codes that went through ``code``."""

    class Execs(WrappedExec):
        def code(self, given: int) -> int:
            return code(given)

    class Pods(WrappedPod):
        execs = Execs

    return Pods


def wrong_config(change: Callable[[WrappedPod, ExecConfig], ExecConfig]) -> type[WrappedPod]:
    """Processes that are started otherwise than asked for."""

    class Pods(WrappedPod):
        def config(self, config: ExecConfig) -> ExecConfig:
            return change(self, config)

    return Pods


def spliced(pod: WrappedPod, config: ExecConfig) -> ExecConfig:
    text = (config.script or b"").decode(errors="replace")
    return replace(config, argv=["/bin/sh", "-ec", text], script=None)


class Filtered:
    """An output through which something happens to the bytes."""

    def __init__(self, output: Output, change: Callable[[bytes], bytes]) -> None:
        self._output = output
        self._change = change

    def write(self, data: bytes, /) -> object:
        return self._output.write(self._change(data))

    def descriptor(self) -> int | None:
        return None


def filtered(change: Callable[[bytes], bytes], *, tty: bool) -> type[WrappedPod]:
    def wrong(pod: WrappedPod, config: ExecConfig) -> ExecConfig:
        if config.tty is not tty:
            return config
        return replace(config, output=Filtered(config.output, change))

    return wrong_config(wrong)


class Limited:
    """Cuts what comes after a MiB."""

    def __init__(self) -> None:
        self._left = 1 << 20

    def __call__(self, data: bytes) -> bytes:
        cut, self._left = data[: self._left], self._left - len(data[: self._left])
        return cut


class ErrorLast(WrappedPod):
    """Standard error after standard output, not among it."""

    class execs(WrappedExec):
        late: Log

        def wait(self, timeout: float | None = None) -> int | None:
            code = super().wait(timeout)
            if code is not None:
                self.config.output.write(bytes(self.late.data))
                self.late.data.clear()
            return code

    def exec(self, config: ExecConfig) -> Exec:
        if config.error or config.tty:
            return super().exec(config)
        late = Log()
        started = self.execs(self.inner.exec(replace(config, error=late)), config)
        started.late = late
        return started


class ImpatientExec(WrappedExec):
    """Takes a timeout for the end."""

    def wait(self, timeout: float | None = None) -> int | None:
        return self.inner.wait(timeout) or 0


class Impatient(WrappedPod):
    execs = ImpatientExec


class SignalsAll(WrappedPod):
    """A signal to one exec reaches all of the pod."""

    def exec(self, config: ExecConfig) -> Exec:
        inner, started = super().exec(config), self.started

        class All(WrappedExec):
            def signal(self, number: int) -> None:
                for each in started:
                    each.signal(number)

        return All(inner, config)


class Impolite(WrappedPod):
    def stop(self, grace: float) -> None:
        self.inner.stop(0)


class Timid(WrappedPod):
    """Never uses force."""

    def stop(self, grace: float) -> None:
        for started in self.started:
            started.signal(15)

    def remove(self) -> None:
        self.stop(0)


class StopRemoves(WrappedPod):
    def stop(self, grace: float) -> None:
        self.inner.remove()


class RemovesOnce(WrappedPod):
    removed = False

    def remove(self) -> None:
        if self.removed:
            raise NotFound("it is gone")
        self.removed = True
        self.inner.remove()


class LiteralDirectory(WrappedPod):
    """Knows no variables."""

    def directory(
        self, path: str, *, environment: Mapping[str, str], user: str, create: bool
    ) -> str:
        return super().directory(
            path.replace("$", "%"), environment=environment, user=user, create=create
        )


class LazyDirectory(WrappedPod):
    """Makes none."""

    def directory(
        self, path: str, *, environment: Mapping[str, str], user: str, create: bool
    ) -> str:
        return super().directory(path, environment=environment, user=user, create=False)


class PutsAtOnce(WrappedPod):
    """Holds an archive in memory on its way in."""

    def put_archive(self, path: str, source: Readable, *, user: str) -> None:
        data = b"".join(iter(lambda: source.read(1 << 20), b""))
        super().put_archive(path, BytesBody(data), user=user)


class GetsAtOnce(WrappedPod):
    """And on its way out."""

    def get_archive(self, path: str) -> Body:
        with super().get_archive(path) as body:
            return BytesBody(b"".join(iter(lambda: body.read(1 << 20), b"")))


class FollowsLinks(WrappedPod):
    def put_archive(self, path: str, source: Readable, *, user: str) -> None:
        Path(path).mkdir(parents=True, exist_ok=True)
        data = b"".join(iter(lambda: source.read(1 << 20), b""))
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for member in tar.getmembers():
                content = tar.extractfile(member)
                if content:
                    (Path(path) / member.name).write_bytes(content.read())


class ChangesMembers(WrappedPod):
    """Archives whose members are changed on their way in."""

    def change(self, member: tarfile.TarInfo) -> tarfile.TarInfo:
        return member

    def put_archive(self, path: str, source: Readable, *, user: str) -> None:
        data, changed = b"".join(iter(lambda: source.read(1 << 20), b"")), io.BytesIO()
        with (
            tarfile.open(fileobj=io.BytesIO(data)) as tar,
            tarfile.open(fileobj=changed, mode="w") as out,
        ):
            for member in tar.getmembers():
                content = tar.extractfile(member) if member.isreg() else None
                out.addfile(self.change(member), content)
        super().put_archive(path, BytesBody(changed.getvalue()), user=user)


class NoModes(ChangesMembers):
    def change(self, member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.mode = 0o644 if member.isreg() else 0o755
        return member


class NoTimes(ChangesMembers):
    def change(self, member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.mtime = 1_700_000_000
        return member


class AsciiNames(ChangesMembers):
    def change(self, member: tarfile.TarInfo) -> tarfile.TarInfo:
        name = member.name.encode("ascii", "replace").decode()
        member.name = member.pax_headers["path"] = name
        return member


class DottedNames(WrappedPod):
    """Names that begin with ``./``."""

    def get_archive(self, path: str) -> Body:
        with super().get_archive(path) as body:
            data, changed = body.read(), io.BytesIO()
        with (
            tarfile.open(fileobj=io.BytesIO(data)) as tar,
            tarfile.open(fileobj=changed, mode="w") as out,
        ):
            for member in tar.getmembers():
                content = tar.extractfile(member) if member.isreg() else None
                member.name = f"./{member.name}"
                out.addfile(member, content)
        return BytesBody(changed.getvalue())


class SharedHome(WrappedPod):
    """All pods work in one place."""

    def directory(
        self, path: str, *, environment: Mapping[str, str], user: str, create: bool
    ) -> str:
        pods = Path(super().directory("~", environment={}, user="", create=True)).parents[1]
        shared = pods.parent / "shared"
        shared.mkdir(exist_ok=True)
        return str(shared)


class NeverCancelled(Wrong):
    def new_pod(self, config: PodConfig, log: Output, cancel: Cancel) -> Pod:
        return super().new_pod(config, log, EventCancel())


class CancelledTooLate(Wrong):
    """Notices a cancellation, and leaves the pod."""

    def new_pod(self, config: PodConfig, log: Output, cancel: Cancel) -> Pod:
        pod = super().new_pod(config, log, EventCancel())
        if cancel.is_set():
            raise Conflict("cancelled", code="cancelled")
        return pod


class LeavesHalfPods(Wrong):
    def new_pod(self, config: PodConfig, log: Output, cancel: Cancel) -> Pod:
        pod = super().new_pod(config, Log(), cancel)
        log.write(b"made\n")
        return pod


class AnyArchitecture(Wrong):
    def new_pod(self, config: PodConfig, log: Output, cancel: Cancel) -> Pod:
        return super().new_pod(replace(config, arch=""), log, cancel)


class MachineNames(Wrong):
    def archs(self) -> Sequence[str]:
        return ("x86_64",)


class ForgetsTasks(Wrong):
    def new_pod(self, config: PodConfig, log: Output, cancel: Cancel) -> Pod:
        return super().new_pod(replace(config, task_id=config.id), log, cancel)


class ListsNothing(Wrong):
    def pods(self, *, all: bool = False) -> Sequence[Pod]:
        return []


class ListsRemoved(Wrong):
    """Remembers every pod for ever."""

    def new_pod(self, config: PodConfig, log: Output, cancel: Cancel) -> Pod:
        pod = super().new_pod(config, log, cancel)
        self.remembered = [*getattr(self, "remembered", []), pod]
        return pod

    def pods(self, *, all: bool = False) -> Sequence[Pod]:
        return getattr(self, "remembered", [])


class ClosesOnce(Wrong):
    closed = False

    def close(self) -> None:
        if self.closed:
            raise ValueError("closed already")
        self.closed = True
        super().close()


def of(wrap: type[WrappedPod]) -> type[LocalDriver]:
    """A driver with such pods."""
    return type("Driver", (Wrong,), {"wrap": wrap})


def without_container(pod: WrappedPod, config: ExecConfig) -> ExecConfig:
    return replace(config, environment={**dict.fromkeys(pod.environment, ""), **config.environment})


WRONG: list[tuple[str, type[LocalDriver], str]] = [
    ("every failure is 1", of(wrong_exec(lambda code: min(code, 1))), "exit_codes"),
    ("signals as in Python", of(wrong_exec(lambda c: 128 - c)), "killed_by_a_signal"),
    ("127 is 126", of(wrong_exec(lambda c: c - (c == 127))), "missing_command_is_127"),
    (
        "126 is 1",
        of(wrong_exec(lambda c: 1 if c == 126 else c)),
        "command_that_cannot_be_executed_is_126",
    ),
    ("scripts spliced", of(wrong_config(spliced)), "script_of_any_bytes"),
    ("scripts as an argument", of(wrong_config(spliced)), "large_script"),
    (
        "inherits all",
        of(wrong_config(lambda p, c: replace(c, environment={**os.environ, **c.environment}))),
        "environment_of_this_process_is_not_inherited",
    ),
    ("container's environment lost", of(wrong_config(without_container)), "environment"),
    (
        "works where it likes",
        of(wrong_config(lambda p, c: replace(c, working_dir=""))),
        "working_directory",
    ),
    (
        "error is output",
        of(wrong_config(lambda p, c: replace(c, error=None))),
        "error_apart",
    ),
    ("error comes late", of(ErrorLast), "output_and_error_in_order"),
    ("output is cut", of(filtered(Limited(), tty=False)), "large_output_is_whole"),
    (
        "output is text",
        of(filtered(lambda data: data.replace(b"\r\n", b"\n"), tty=False)),
        "output_is_not_changed",
    ),
    (
        "terminal translates",
        of(filtered(lambda data: data.replace(b"\n", b"\r\n"), tty=True)),
        "terminal_changes_nothing",
    ),
    (
        "no terminal",
        of(wrong_config(lambda p, c: replace(c, tty=False))),
        "terminal_is_there_when_asked_for",
    ),
    ("input is lost", of(wrong_config(lambda p, c: replace(c, stdin=None))), "input_ends"),
    (
        "large input is lost",
        of(wrong_config(lambda p, c: replace(c, stdin=None))),
        "large_input_and_output_at_once",
    ),
    ("a timeout is the end", of(Impatient), "wait_with_a_timeout"),
    ("signals all execs", of(SignalsAll), "signal_is_for_one_exec"),
    ("stops impolitely", of(Impolite), "stop_is_polite_first"),
    ("stops without force", of(Timid), "stop_finds_who_hides"),
    ("removes without force", of(Timid), "remove_finds_who_hides"),
    ("stop removes", of(StopRemoves), "stop_keeps_the_files"),
    ("removes once", of(RemovesOnce), "remove_twice"),
    ("no variables in directories", of(LiteralDirectory), "directory_expands"),
    ("makes no directories", of(LazyDirectory), "directory_is_made_when_asked_for"),
    ("archive in memory on its way in", of(PutsAtOnce), "archive_is_streamed"),
    ("archive in memory on its way out", of(GetsAtOnce), "archive_is_streamed"),
    ("follows links", of(FollowsLinks), "archive_does_not_leave_by_a_link"),
    ("modes lost", of(NoModes), "archive_comes_back_as_it_went"),
    ("times lost", of(NoTimes), "archive_comes_back_as_it_went"),
    ("names in ASCII", of(AsciiNames), "archive_names_of_any_bytes"),
    ("names with dots", of(DottedNames), "archive_lists_parents_first_and_plain_names"),
    ("pods share a place", of(SharedHome), "pods_are_apart"),
    ("never cancelled", NeverCancelled, "cancelled_pod_is_not_made"),
    ("cancelled too late", CancelledTooLate, "cancelled_pod_is_not_made"),
    ("leaves half a pod", LeavesHalfPods, "log_that_fails_leaves_nothing"),
    ("any architecture", AnyArchitecture, "wrong_architecture"),
    ("architectures of the machine", MachineNames, "describes_itself"),
    ("forgets the task", ForgetsTasks, "pod_says_who_it_is"),
    ("lists nothing", ListsNothing, "pods_are_listed_until_removed"),
    ("lists what is removed", ListsRemoved, "pods_are_listed_until_removed"),
    ("closes once", ClosesOnce, "close_twice"),
]


@pytest.fixture
def opener(tmp_path: Path) -> Iterator[Callable[[type[LocalDriver]], LocalDriver]]:
    opened: list[LocalDriver] = []

    def open_one(kind: type[LocalDriver]) -> LocalDriver:
        directory = str(tmp_path / str(len(opened)))
        driver = kind(LocalSettings(), ExecutorContext(executor_id="kit", directory=directory))
        opened.append(driver)
        driver.setup()
        return driver

    yield open_one
    for driver in opened:
        LocalDriver.close(driver)


Opener = Callable[[type[LocalDriver]], LocalDriver]


@pytest.mark.parametrize(
    ("kind", "check"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG]
)
def test_wrong_driver_fails(opener: Opener, kind: type[LocalDriver], check: str) -> None:
    checks = conformance_checks(lambda: opener(kind))
    report = run_checks("wrong", {check: checks[check]})
    assert [result.name for result in report.failed] == [check]


def test_right_driver_passes_the_checks_that_others_fail(opener: Opener) -> None:
    checks = conformance_checks(lambda: opener(LocalDriver))
    report = run_checks("right", {name: checks[name] for _, _, name in WRONG})
    assert report.failed == ()


def test_whole_kit_runs_without_pytest(opener: Opener) -> None:
    report = run_conformance(lambda: opener(LocalDriver), supports_tty=False)
    assert report.failed == ()
    assert report.subject == "ostler_local.driver.LocalDriver"
    assert len(report.results) > 60
