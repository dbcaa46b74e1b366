"""A process of a pod, as the framework sees it."""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ostler.errors import BadRequest, Unavailable
from ostler.spi import Exec, ExecConfig

from .client import Client
from .pumps import Sink
from .streams import Streams

if TYPE_CHECKING:
    from .wire import Message

__all__ = ["Launch", "LocalExec"]

_EXIT_NOT_EXECUTABLE, _EXIT_NOT_FOUND = 126, 127
_MISSING = (errno.ENOENT, errno.ENOTDIR)
_LATER = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What is started, complete.

    :param number: of the exec within its pod.
    :param directory: the working directory, absolute.
    :param grace: seconds to wait for output of what outlives the process.
    """

    pod: str
    number: int
    argv: list[str]
    environment: dict[str, str]
    directory: str
    grace: float


class LocalExec(Exec):
    """A process. Its output is moved by the thread that waits for it: no thread of its own.

    :param on_end: told once that it ended, and whether nothing of the pod was
        left at that moment for certain.
    """

    def __init__(
        self,
        client: Client,
        launch: Launch,
        config: ExecConfig,
        sink: Sink,
        on_end: Callable[[bool], None],
    ) -> None:
        self._client = client
        self._launch = launch
        self._error = config.error or config.output
        self._sink = sink
        self._on_end = on_end
        self._lock = threading.Lock()
        self._code: int | None = None
        self._failure: Exception | None = None
        self._streams = Streams(config, self._kill)
        try:
            self._start()
        except BaseException:
            self._streams.close()
            raise

    def wait(self, timeout: float | None = None) -> int | None:
        deadline = None if timeout is None else time.monotonic() + timeout
        if not self._lock.acquire(timeout=-1 if timeout is None else timeout):
            return None
        try:
            if self._failure is not None:
                raise self._failure
            if self._code is None:
                self._advance(deadline)
            return self._code
        finally:
            self._lock.release()

    def signal(self, number: int) -> None:
        if self._code is None and self._failure is None:
            self._client.ask(("signal", self._launch.pod, self._launch.number, int(number)))

    def abandon(self, reason: str) -> None:
        """Release everything unless somebody waits for the end, who will; the process has been killed.

        :param reason: what who waits later is told.
        """
        if self._lock.acquire(blocking=False):
            try:
                if self._code is None and self._failure is None:
                    self._fail(Unavailable(reason))
            finally:
                self._lock.release()

    def _start(self) -> None:
        launch, streams = self._launch, self._streams
        self._channel = self._client.lease()
        request = (
            "spawn",
            launch.pod,
            launch.number,
            launch.argv,
            launch.environment,
            launch.directory,
            streams.standard,
            streams.terminal,
        )
        self._client.send(self._channel, request, streams.descriptors)
        streams.started()

    def _advance(self, deadline: float | None) -> None:
        try:
            reply = self._await_reply(deadline)
            if reply is not None:
                self._finish(reply)
        except Exception as error:
            self._fail(error)
            raise

    def _await_reply(self, deadline: float | None) -> Message | None:
        while self._streams.pumps:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left < 0:
                return None
            if self._streams.turn(left, self._channel.fileno()):
                break
        left = None if deadline is None else max(0, deadline - time.monotonic())
        return self._client.answer(self._channel, left)

    def _finish(self, reply: Message) -> None:
        if reply[0] == "ended":
            _, code, vacant = reply
            self._streams.ended(self._launch.grace, self._sink)
        else:
            _, what, number = reply
            code, vacant = self._not_started(what, number), False
            self._streams.close()
        self._streams.check_source()
        self._client.give_back(self._channel)
        self._code = code
        self._on_end(vacant)

    def _not_started(self, what: str, number: int) -> int:
        reason = os.strerror(number)
        if what == "directory":
            raise BadRequest(f"working directory {self._launch.directory!r}: {reason}")
        if number in _LATER:
            raise Unavailable(f"cannot start {self._launch.argv[0]!r}: {reason}")
        missing = number in _MISSING
        text = "command not found" if missing else reason
        self._error.write(f"{self._launch.argv[0]}: {text}\n".encode(errors="surrogateescape"))
        return _EXIT_NOT_FOUND if missing else _EXIT_NOT_EXECUTABLE

    def _fail(self, error: Exception) -> None:
        self._failure = error
        self._streams.close()
        self._channel.close()
        self._on_end(False)
        if not isinstance(error, Unavailable):
            self._kill()

    def _kill(self) -> None:
        self._client.ask(("signal", self._launch.pod, self._launch.number, int(signal.SIGKILL)))
