"""What the checks have in common."""

from __future__ import annotations

import io
import os
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ostler.clock import SystemClock
from ostler.errors import Error
from ostler.spi import (
    ContainerConfig,
    Exec,
    ExecConfig,
    ExecutorDriver,
    Pod,
    PodConfig,
    Readable,
)

__all__ = [
    "PATIENCE",
    "Base",
    "Collected",
    "Ended",
    "Never",
    "archive",
    "finish",
    "members",
    "raises",
    "run",
    "start",
    "survivors",
    "together",
    "until",
]

PATIENCE = 20.0
"""Seconds after which what should have happened is held not to happen."""

_CLOCK = SystemClock()


class Collected:
    """An `Output` that keeps what it is given."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes, /) -> object:
        self.data += data
        return len(data)

    def descriptor(self) -> int | None:
        return None


class Never:
    """A `Cancel` that is never set."""

    def is_set(self) -> bool:
        return False

    def wait(self, timeout: float | None = None) -> bool:
        if timeout is None:
            raise AssertionError("a driver waited without end for a cancellation")
        threading.Event().wait(timeout)
        return False

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        return lambda: None


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended, and what it wrote."""

    code: int
    output: bytes
    error: bytes


class Base:
    """What the author of a driver says of it, as attributes of the subclass.

    image: of container 0 in every check; it holds a POSIX shell, ``cat``,
    ``sleep`` and the like, and ``setsid``.
    supports_tty: False for a driver that can give no terminal.
    """

    image: str = ""
    supports_tty: bool = True

    def config(self, **container: Any) -> PodConfig:
        """Return the config of a new pod; ``container``: fields of container 0."""
        name = _CLOCK.new_id()
        first = ContainerConfig(**{"image": self.image, **container})
        return PodConfig(id=name, task_id=f"task-{name}", containers=(first,))

    @contextmanager
    def pod(self, driver: ExecutorDriver, **container: Any) -> Iterator[Pod]:
        """Make a pod and remove it at the end."""
        pod = driver.new_pod(self.config(**container), Collected(), Never())
        try:
            yield pod
        finally:
            pod.remove()


def start(pod: Pod, script: str | bytes, **options: Any) -> tuple[Exec, Collected]:
    """Start a shell script; return its exec and where its output goes."""
    output = options.pop("output", None) or Collected()
    content = script.encode() if isinstance(script, str) else script
    config = ExecConfig(argv=["/bin/sh", "-e"], script=content, output=output, **options)
    return pod.exec(config), output


def finish(job: Exec) -> int:
    """Wait for the end of an exec that must come."""
    code = job.wait(PATIENCE)
    assert code is not None, f"wait gave no exit code within {PATIENCE} seconds"
    return code


def run(pod: Pod, script: str | bytes, **options: Any) -> Ended:
    """Run a shell script to its end."""
    job, output = start(pod, script, **options)
    error = options.get("error")
    code = finish(job)
    return Ended(code, bytes(output.data), bytes(error.data) if error else b"")


def until(job: Exec, output: Collected, text: bytes) -> None:
    """Wait until a running exec has written ``text``."""
    deadline = time.monotonic() + PATIENCE
    while text not in output.data:
        code = job.wait(0.02)
        assert code is None or text in output.data, f"it ended with {code} before it wrote {text!r}"
        assert time.monotonic() < deadline, f"{text!r} was not written, only {bytes(output.data)!r}"


def survivors(mark: str) -> list[str]:
    """Return the command lines of this machine's processes that hold ``mark``.

    Sees containers of an engine on the same machine too. Elsewhere, and
    without ``/proc``, it sees nothing: the checks that use it then prove less.
    """
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if mark.encode() in line and folder.name != str(os.getpid()):
            found.append(line.replace(b"\0", b" ").decode(errors="replace"))
    return found


def archive(*members: tuple[str, bytes] | tarfile.TarInfo) -> io.BytesIO:
    """Return a tar of members: (name, content) for a file, or anything else as it is."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
                continue
            info = tarfile.TarInfo(member[0])
            info.size = len(member[1])
            tar.addfile(info, io.BytesIO(member[1]))
    return io.BytesIO(stream.getvalue())


def members(source: Readable) -> Mapping[str, tuple[tarfile.TarInfo, bytes]]:
    """Return the members of a tar stream, in its order, with the contents of the files."""
    content = b"".join(iter(lambda: source.read(1 << 16), b""))
    with tarfile.open(fileobj=io.BytesIO(content), errors="surrogateescape") as tar:
        return {member.name: (member, _bytes(tar, member)) for member in tar}


def raises(kind: type[Error], call: Callable[[], object], what: str) -> Error:
    """Call, and insist on an error of that type."""
    try:
        answer = call()
    except kind as error:
        return error
    raise AssertionError(f"{what} must raise {kind.__name__}; it returned {answer!r}")


def together(jobs: list[Callable[[], None]]) -> None:
    """Run jobs at once, each in a thread; raise what the first of them raised."""
    errors: list[BaseException] = []

    def attempt(job: Callable[[], None]) -> None:
        try:
            job()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=attempt, args=(job,), daemon=True) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * PATIENCE)
        assert not thread.is_alive(), "a call did not return"
    if errors:
        raise errors[0]


def _bytes(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    content = tar.extractfile(member) if member.isreg() else None
    return content.read() if content else b""
