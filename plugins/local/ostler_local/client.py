"""The driver's side of a supervisor: one life of it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ostler.errors import Unavailable

from . import leftovers
from .wire import Channel

if TYPE_CHECKING:
    from .wire import Message

__all__ = ["Client"]

# The supervisor shares this package's modules without its `__init__`, which
# needs installed packages: its interpreter starts without them, and quickly.
_BOOT = """\
import sys, types
package = types.ModuleType("ostler_local")
package.__path__ = [sys.argv[1]]
sys.modules["ostler_local"] = package
from ostler_local.supervisor import main
main(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], int(sys.argv[5]))
"""

_END = 15.0
"""Seconds that a supervisor may take to kill everything."""


class Client:
    """A running supervisor. Usable from many threads.

    :param token: what the marks of the driver's processes begin with.
    :param lock: a descriptor that the supervisor holds for as long as it lives.
    :param log: path of the file that takes what the supervisor complains about.
    """

    def __init__(self, token: str, lock: int, log: str) -> None:
        self._token = token
        self._log = log
        self._lock = threading.RLock()
        self._over = self._closed = False
        self._idle: list[Channel] = []
        self._process, self._control = _start(token, lock, log)

    @property
    def pid(self) -> int:
        """The supervisor's."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the supervisor runs, as far as it was noticed."""
        return not self._over

    def lease(self) -> Channel:
        """Return a channel for one exchange; `give_back` it, or close it where the answer is not wanted.

        :raises Unavailable: the supervisor is gone.
        """
        try:
            return self._idle.pop()
        except IndexError:
            return self._open_channel()

    def give_back(self, channel: Channel) -> None:
        """Take back a channel on which nothing is outstanding."""
        if self._over:
            channel.close()
        else:
            self._idle.append(channel)

    def ask(self, message: Message, timeout: float | None = None) -> Message | None:
        """Send a request and return the reply; None when ``timeout`` seconds are over first.

        :raises Unavailable: the supervisor is gone.
        """
        channel = self.lease()
        self.send(channel, message)
        reply = self.answer(channel, timeout)
        if reply is None:
            channel.close()
        else:
            self.give_back(channel)
        return reply

    def send(self, channel: Channel, message: Message, descriptors: Sequence[int] = ()) -> None:
        """Send a request on a leased channel.

        :raises Unavailable: the supervisor is gone.
        """
        try:
            channel.send(message, descriptors)
        except OSError as error:
            channel.close()
            raise self.lost() from error

    def answer(self, channel: Channel, timeout: float | None = None) -> Message | None:
        """Wait for the reply on a leased channel; None when ``timeout`` seconds are over first.

        :raises Unavailable: the supervisor is gone.
        """
        if timeout is not None and not channel.wait(timeout):
            return None
        while (messages := channel.receive()) is not None:
            if messages:
                return messages[0]
        channel.close()
        raise self.lost()

    def lost(self) -> Unavailable:
        """Kill, once, what the supervisor left behind; return the error that says that it is gone.

        A later supervisor of the same driver must not be started before.
        """
        with self._lock:
            if not self._over:
                self._over = True
                self._process.kill()
                self._process.wait()
                self._release()
                leftovers.end(f"{self._token}/")
        if self._closed:
            return Unavailable("the local executor was closed; its processes were killed")
        return Unavailable(
            "the local executor's supervisor ended unexpectedly and its processes were killed; "
            f"{self._log} says more"
        )

    def close(self) -> None:
        """Have the supervisor kill everything, and wait for its end. Idempotent.

        :raises Unavailable: it does not end; it is killed.
        """
        with self._lock:
            self._over = self._closed = True
        self._release()
        try:
            self._process.wait(_END)
        except subprocess.TimeoutExpired as error:
            self._process.kill()
            self._process.wait()
            raise Unavailable("the local executor's supervisor did not end in time") from error

    def _release(self) -> None:
        self._control.close()
        while self._idle:
            self._idle.pop().close()

    def _open_channel(self) -> Channel:
        ours, theirs = socket.socketpair()
        with theirs, self._lock:
            try:
                self._control.send(("channel",), (theirs.fileno(),))
            except OSError as error:
                ours.close()
                raise self.lost() from error
        return Channel(ours)


def _start(token: str, lock: int, log: str) -> tuple[subprocess.Popen[bytes], Channel]:
    ours, theirs = socket.socketpair()
    numbers = (str(theirs.fileno()), str(lock), token, str(os.getpid()))
    with theirs, open(log, "wb") as complaints:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _BOOT, os.path.dirname(__file__), *numbers],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=complaints,
            cwd="/",
            pass_fds=(theirs.fileno(), lock),
            start_new_session=True,
        )
    return process, Channel(ours)
