"""The `local` executor driver."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Mapping, Sequence

from ostler.errors import BadRequest, Conflict, Unavailable
from ostler.spi import (
    Cancel,
    ExecutorContext,
    ExecutorDriver,
    Output,
    Pod,
    PodConfig,
    PodInfo,
)

from .client import Client
from .directories import Premises
from .environment import inherited
from .machine import architecture
from .notes import notes
from .pod import LocalPod, Surroundings
from .processes import MARKER
from .pumps import Sink
from .settings import LocalSettings

__all__ = ["LocalDriver", "open_driver"]

_PATIENCE = 15.0
"""Seconds that an earlier life of the same executor may take to end."""

_RETRY = 0.02


def open_driver(settings: LocalSettings, context: ExecutorContext) -> LocalDriver:
    """Open the driver; it touches nothing before `setup`."""
    return LocalDriver(settings, context)


class LocalDriver(ExecutorDriver):
    """Pods as private directories, steps as processes of this machine."""

    def __init__(self, settings: LocalSettings, context: ExecutorContext) -> None:
        self._settings = settings
        self._id = context.executor_id
        self._premises = Premises(context.directory)
        self._lock = threading.Lock()
        self._pods: dict[str, LocalPod] = {}
        self._arch = architecture()
        self._held: int | None = None
        self._client: Client | None = None
        self._sink = Sink()

    def setup(self) -> None:
        try:
            os.makedirs(self._premises.path, 0o700, exist_ok=True)
            self._held = _hold(self._premises.lock, self._id)
            token = self._premises.prepare()
        except OSError as error:
            raise Unavailable(
                f"cannot use {error.filename or self._premises.path}: {error.strerror}"
            ) from error
        outer = os.environ.get(MARKER, "")
        self._surroundings = Surroundings(
            token=token,
            outer=f"{outer}:" if outer else "",
            environment=inherited(os.environ, self._settings.inherit_environment),
            client=self._supervisor,
            sink=self._sink,
            grace=self._settings.output_grace,
        )
        self._supervisor()

    @property
    def supervisor_pid(self) -> int:
        """The pid of the supervisor, for who measures it or breaks it on purpose."""
        return self._supervisor().pid

    def archs(self) -> Sequence[str]:
        return (self._arch,)

    def group(self) -> str:
        return f"local-{self._id}"

    def executors(self) -> Sequence[str]:
        return (self._id,)

    def new_pod(self, config: PodConfig, log: Output, cancel: Cancel) -> Pod:
        if config.arch not in ("", self._arch):
            raise BadRequest(
                f"pod {config.id} needs architecture {config.arch}; this machine is {self._arch}"
            )
        pod = self._make(config)
        try:
            log.write("".join(f"local: {note}\n" for note in notes(config)).encode())
            _check(cancel, config.id)
        except BaseException:
            pod.remove()
            raise
        return pod

    def pods(self, *, all: bool = False) -> Sequence[Pod]:
        return [self._find(name) for name in self._premises.pods()]

    def close(self) -> None:
        with self._lock:
            client, self._client = self._client, None
            held, self._held = self._held, None
        if client is not None:
            client.close()
        for pod in [*self._pods.values()]:
            pod.abandon(f"executor {self._id} was closed")
        self._sink.close()
        if held is not None:
            os.close(held)

    def _make(self, config: PodConfig) -> LocalPod:
        info = PodInfo(id=config.id, executor_id=self._id, task_id=config.task_id)
        pod = self._pod(info, config.containers[0].environment, left=False)
        with self._lock:
            if self._pods.setdefault(config.id, pod) is not pod:
                raise Conflict(f"pod {config.id} exists already", code="exists")
        try:
            directory = self._premises.pod(config.id)
            directory.create(config.task_id if config.task_id != config.id else None)
        except BaseException:
            self._forget(pod)
            raise
        return pod

    def _find(self, id: str) -> LocalPod:
        task_id = self._premises.pod(id).task_id() or id
        info = PodInfo(id=id, executor_id=self._id, task_id=task_id)
        with self._lock:
            return self._pods.get(id) or self._pods.setdefault(id, self._pod(info, {}, left=True))

    def _pod(self, info: PodInfo, environment: Mapping[str, str], *, left: bool) -> LocalPod:
        directory = self._premises.pod(info.id)
        return LocalPod(
            info, directory, self._surroundings, environment, left=left, on_removed=self._forget
        )

    def _forget(self, pod: LocalPod) -> None:
        with self._lock:
            self._pods.pop(pod.info.id, None)

    def _supervisor(self) -> Client:
        """Return the supervisor; when it was lost, a new one."""
        client = self._client
        if client is not None and client.alive:
            return client
        with self._lock:
            if self._held is None:
                raise Unavailable(f"executor {self._id} was closed")
            if self._client is not None and not self._client.alive:
                self._client.lost()
                self._client = None
            if self._client is None:
                self._client = Client(self._surroundings.token, self._held, self._premises.log)
            return self._client


def _check(cancel: Cancel, pod: str) -> None:
    if cancel.is_set():
        raise Conflict(f"pod {pod} was cancelled", code="cancelled")


def _hold(path: str, id: str) -> int:
    """Lock ``path`` for this life of the executor; an earlier one may still be ending its processes.

    :raises Unavailable: another process has it, and keeps it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + _PATIENCE
    while not _try_lock(descriptor):
        if time.monotonic() > deadline:
            os.close(descriptor)
            raise Unavailable(f"executor {id} runs already in another process; {path} is locked")
        time.sleep(_RETRY)
    return descriptor


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
