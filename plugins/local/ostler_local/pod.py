"""A pod that is a directory."""

from __future__ import annotations

import itertools
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ostler.errors import BadRequest, NotFound, Unavailable
from ostler.spi import Body, Exec, ExecConfig, Pod, PodInfo, Readable

from . import leftovers
from .client import Client
from .directories import PodDirectory
from .environment import expand
from .execs import Launch, LocalExec
from .packing import PackedDirectory
from .processes import MARKER
from .pumps import Sink
from .unpacking import unpack

__all__ = ["LocalPod", "Surroundings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the pods of a driver have in common.

    :param token: what the marks of the driver's processes begin with.
    :param outer: the marks of this process, when it runs in a pod itself.
    :param environment: what every pod's processes start from.
    :param client: returns the supervisor, started anew when it was lost.
    :param grace: seconds to wait for output of what outlives a step.
    """

    token: str
    outer: str
    environment: Mapping[str, str]
    client: Callable[[], Client]
    sink: Sink
    grace: float


class LocalPod(Pod):
    """A pod.

    :param environment: the container's.
    :param left: it is of an earlier life: no supervisor answers for its processes.
    :param on_removed: told when nothing of it is left.
    """

    def __init__(
        self,
        info: PodInfo,
        directory: PodDirectory,
        surroundings: Surroundings,
        environment: Mapping[str, str],
        *,
        left: bool,
        on_removed: Callable[[LocalPod], None],
    ) -> None:
        self._info = info
        self._directory = directory
        self._surroundings = surroundings
        self._environment = {
            **surroundings.environment,
            "HOME": directory.home,
            "TMPDIR": directory.tmp,
            **environment,
        }
        self._left = left
        self._on_removed = on_removed
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._running: dict[int, LocalExec | None] = {}
        self._vacant = not left
        self._closed = False

    @property
    def info(self) -> PodInfo:
        return self._info

    def exec(self, config: ExecConfig) -> Exec:
        number = self._enter()
        try:
            launch = self._launch(number, config)
            started = LocalExec(
                self._surroundings.client(),
                launch,
                config,
                self._surroundings.sink,
                lambda vacant: self._ended(number, vacant),
            )
        except BaseException:
            self._ended(number, False)
            raise
        with self._lock:
            if number in self._running:
                self._running[number] = started
        return started

    def directory(
        self,
        path: str,
        *,
        environment: Mapping[str, str],
        user: str,
        create: bool,
    ) -> str:
        full = expand(path, {**self._environment, **environment})
        if create:
            self._make_directory(full)
        elif os.path.lexists(full) and not os.path.isdir(full):
            raise BadRequest(f"{full} is not a directory")
        return full

    def put_archive(self, path: str, source: Readable, *, user: str) -> None:
        self._make_directory(path)
        unpack(source, path)

    def get_archive(self, path: str) -> Body:
        if not os.path.isdir(path):
            raise NotFound(f"there is no directory {path} in pod {self._info.id}")
        return PackedDirectory(path)

    def stop(self, grace: float) -> None:
        deadline = time.monotonic() + grace
        if self._left:
            leftovers.end(self._mark(), grace=grace)
        if self._vacant:
            return
        client = self._surroundings.client()
        if grace <= 0 or not self._end_politely(client, deadline):
            self._end_all(client)

    def remove(self) -> None:
        with self._lock:
            self._closed = True
        if self._left:
            leftovers.end(self._mark())
        if not self._vacant:
            self._end_all(self._surroundings.client())
        self.abandon(f"pod {self._info.id} was removed")
        self._directory.remove()
        self._on_removed(self)

    def abandon(self, reason: str) -> None:
        """Release what execs hold for which nobody waits; their processes have been killed."""
        for running in [*self._running.values()]:
            if running is not None:
                running.abandon(reason)

    def _make_directory(self, path: str) -> None:
        try:
            if not os.path.isdir(path):
                os.makedirs(path, exist_ok=True)
        except FileExistsError as error:
            raise BadRequest(f"{path} exists and is not a directory") from error
        except OSError as error:
            raise BadRequest(f"cannot make directory {path}: {error.strerror}") from error

    def _enter(self) -> int:
        with self._lock:
            if self._closed:
                raise Unavailable(f"pod {self._info.id} was removed")
            number = next(self._numbers)
            self._running[number] = None
            self._vacant = False
            return number

    def _ended(self, number: int, vacant: bool) -> None:
        with self._lock:
            self._running.pop(number, None)
            if not self._running:
                self._vacant = vacant

    def _launch(self, number: int, config: ExecConfig) -> Launch:
        directory = config.working_dir or self._directory.home
        if not os.path.isdir(directory):
            raise BadRequest(f"working directory {directory} does not exist")
        argv = [*config.argv]
        if config.script is not None:
            argv.append(self._directory.add_script(number, config.script))
        return Launch(
            pod=self._info.id,
            number=number,
            argv=argv,
            environment=self._exec_environment(number, config),
            directory=directory,
            grace=self._surroundings.grace,
        )

    def _exec_environment(self, number: int, config: ExecConfig) -> dict[str, str]:
        terminal = {"TERM": "xterm"} if config.tty else {}
        mark = f"{self._surroundings.outer}{self._mark()}{number}"
        return {**terminal, **self._environment, **config.environment, MARKER: mark}

    def _mark(self) -> str:
        return f"{self._surroundings.token}/{self._info.id}/"

    def _end_politely(self, client: Client, deadline: float) -> bool:
        client.ask(("signal", self._info.id, None, int(signal.SIGTERM)))
        left = max(0, deadline - time.monotonic())
        return client.ask(("drain", self._info.id, False), left) is not None

    def _end_all(self, client: Client) -> None:
        try:
            reply = client.ask(("drain", self._info.id, True))
        except Unavailable:
            if client.alive:
                raise
            return  # the supervisor is gone, and everything of it was killed
        if reply is not None and reply[0] == "stuck":
            raise Unavailable(f"processes {reply[1]} of pod {self._info.id} cannot be killed")
