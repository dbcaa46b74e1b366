"""The executor driver: what a plugin implements to run pods somewhere.

The framework never calls a driver directly: the portable types in
`ostler.pods` stand in front of it. Drivers are synchronous and must be usable
from many threads at once; one `Pod` is used by one task's worker, but `stop`
and `Exec.signal` may come from any thread.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from .info import TypeInfo
from .storage import Body, Readable

__all__ = [
    "Cancel",
    "ContainerConfig",
    "Exec",
    "ExecConfig",
    "ExecutorContext",
    "ExecutorDriver",
    "ExecutorType",
    "Output",
    "Pod",
    "PodConfig",
    "PodInfo",
    "RegistryAuth",
    "Volume",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorType(TypeInfo):
    """An executor driver type. The factory: ``(settings, ExecutorContext) -> ExecutorDriver``.

    :param isolates: whether tasks are kept from each other and from the machine.
    """

    isolates: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorContext:
    """What the framework tells a driver when it opens it.

    :param executor_id: the same for an executor that was restarted.
    :param directory: private to this executor, exists, kept over restarts.
    """

    executor_id: str
    directory: str


class Cancel(Protocol):
    """Tells whoever works that the work is no longer wanted."""

    def is_set(self) -> bool:
        """Return whether it was cancelled."""

    def wait(self, timeout: float | None = None) -> bool:
        """Block until cancelled or for ``timeout`` seconds; return `is_set`."""

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back once when cancelled (now, if it is); return what unsubscribes."""


class Output(Protocol):
    """Where output goes, from one thread at a time."""

    def write(self, data: bytes, /) -> object:
        """Take all of ``data``."""

    def descriptor(self) -> int | None:
        """Return a file descriptor that takes the bytes as they are, or None.

        A driver may hand it to a process directly, in append mode, instead of
        calling `write`; it stays open until the exec has ended.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryAuth:
    """Credentials for an image registry.

    :param type: ``"basic"`` with username and password, or ``"encoded"`` with auth.
    """

    type: str = "basic"
    username: str = ""
    password: str = field(default="", repr=False)
    auth: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A tmpfs volume.

    :param size: in bytes; None: the driver's default.
    """

    path: str
    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerConfig:
    """One container of a pod. The first one runs the steps, the others are services.

    :param user: empty: the image's.
    :param entrypoint: for services; empty: the image's.
    """

    image: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    privileged: bool = False
    entrypoint: Sequence[str] = ()
    volumes: Sequence[Volume] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PodConfig:
    """A pod to be made.

    :param id: unique; the task's id.
    :param arch: as in Go (``amd64``, ``arm64``, …); empty: any.
    :param registries_auth: by registry host.
    """

    id: str
    task_id: str
    arch: str = ""
    containers: Sequence[ContainerConfig] = (ContainerConfig(),)
    registries_auth: Mapping[str, RegistryAuth] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecConfig:
    """A process to be run in container 0 of a pod.

    :param argv: the command; never empty.
    :param script: when given, the driver puts these bytes into a file inside
        the pod and appends the file's path to ``argv``; nothing is quoted or spliced.
    :param environment: added to the container's; a container's own ``HOME``,
        ``PATH`` and the like stay unless named here.
    :param working_dir: absolute, as `Pod.directory` returned it; empty: the container's.
    :param user: empty: the container's.
    :param tty: the process gets a terminal (no echo, no translation of line
        ends); its standard error then goes there too.
    :param stdin: what the process reads; None: nothing (end of file at once).
    :param output: standard output and standard error, in the order of writing.
    :param error: standard error apart from output; None: together. Not with ``tty``.
    """

    argv: Sequence[str]
    output: Output
    error: Output | None = None
    script: bytes | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    working_dir: str = ""
    user: str = ""
    tty: bool = False
    stdin: Readable | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PodInfo:
    """A pod as `ExecutorDriver.pods` finds it."""

    id: str
    executor_id: str
    task_id: str


class Exec(ABC):
    """A process that runs in a pod."""

    @abstractmethod
    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for the end and return the exit code; None when ``timeout`` seconds are over first.

        After a code was returned, every byte of output has been written, but
        for what a process wrote that outlives the one that was started: that is
        waited for no longer than a moment. A driver may move output only while
        somebody waits here: who wants it comes back soon after a timeout. What
        an `Output` or the source of the input raises ends the process and
        comes out here.

        A process killed by signal N has code 128 + N. The code of a command
        that does not exist is 127, of one that cannot be executed 126.

        :raises Unavailable: the pod or the connection to it is lost, and the
            code will never be known.
        """

    @abstractmethod
    def signal(self, number: int) -> None:
        """Send a signal to the process and all that it started. Ended already: nothing happens."""


class Pod(ABC):
    """A running pod."""

    @property
    @abstractmethod
    def info(self) -> PodInfo:
        """Who it is and whose."""

    @abstractmethod
    def exec(self, config: ExecConfig) -> Exec:
        """Start a process; does not wait for its end.

        :raises BadRequest: user or working directory do not exist.
        :raises Unavailable: the pod is gone or cannot be reached.
        """

    @abstractmethod
    def directory(
        self, path: str, *, environment: Mapping[str, str], user: str, create: bool
    ) -> str:
        """Return ``path`` as an absolute one, expanded inside the pod.

        A leading ``~`` is the user's home, ``$NAME`` and ``${NAME}`` are taken
        from the container's environment and ``environment``, a relative path
        begins at the home directory.

        :param create: make it and its parents, owned by the user.
        :raises BadRequest: it exists and is no directory, or ``create`` is not possible.
        """

    @abstractmethod
    def put_archive(self, path: str, source: Readable, *, user: str) -> None:
        """Unpack a tar stream into the directory ``path``, made when absent.

        The caller guarantees that the stream is a whole tar whose members stay
        below ``path`` and hold only directories, files, symbolic and hard
        links. The driver must not follow a symbolic link of the pod that leads
        out of ``path`` either. What exists is replaced, directories are merged.
        Modes and times are kept; owner is ``user``. Memory stays bounded.

        :raises BadRequest: a member cannot be written, with the reason.
        """

    @abstractmethod
    def get_archive(self, path: str) -> Body:
        """Return the directory ``path`` with all that is in it as a tar stream.

        Member names are relative to ``path`` (``a/b``, no leading ``./``),
        parents before children, links as links, sockets and devices left out.
        Streams: memory stays bounded.

        :raises NotFound: there is no such directory.
        """

    @abstractmethod
    def stop(self, grace: float) -> None:
        """End every process of the pod: politely, and by force after ``grace`` seconds.

        Idempotent. The pod's files stay until `remove`.
        """

    @abstractmethod
    def remove(self) -> None:
        """Kill what still runs, whatever it did to hide, and remove everything of the pod. Idempotent."""


class ExecutorDriver(ABC):
    """A place where pods run."""

    @abstractmethod
    def setup(self) -> None:
        """Make ready, once, before anything else is called.

        :raises Unavailable: the engine or cluster cannot be reached, with what to do.
        """

    @abstractmethod
    def archs(self) -> Sequence[str]:
        """Return the architectures that pods can have here, in Go's names."""

    @abstractmethod
    def group(self) -> str:
        """Return the id of the group of executors that manage the same resources."""

    @abstractmethod
    def executors(self) -> Sequence[str]:
        """Return the ids of the group's members that are alive, this one included."""

    @abstractmethod
    def new_pod(self, config: PodConfig, log: Output, cancel: Cancel) -> Pod:
        """Make a pod and start it; return when its containers run.

        Progress, and what of ``config`` this driver does not honour, is
        written to ``log`` in plain words, one line each. No lock is held that
        would keep another pod from starting. Whatever fails, nothing of the pod
        is left.

        :raises BadRequest: it can never work as configured (no such image or user).
        :raises Unavailable: it does not work now.
        :raises Conflict: cancelled (code ``"cancelled"``).
        """

    @abstractmethod
    def pods(self, *, all: bool = False) -> Sequence[Pod]:
        """Return this executor's pods, or with ``all`` those of the whole group.

        Those left by an earlier life of the same executor included.
        """

    @abstractmethod
    def close(self) -> None:
        """Release everything; pods that run are killed where the driver cannot take them up again. Idempotent."""
