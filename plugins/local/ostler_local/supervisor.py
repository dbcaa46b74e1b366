"""The supervisor: a lean process that starts the processes of pods and never loses one.

It is the subreaper of all that it starts, so that whatever a process does to
hide (a second fork, a session of its own, another environment) leaves it below
the supervisor. When its owner ends, however that happens, it kills all of it.

Requests come over channels, one at a time on each; `_Supervisor.requests`
lists them. The first channel is the control channel: its end is the owner's.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import _socket
import os
import select
import sys

from .processes import SEES_ALL, Process, send_signal
from .residents import Leader, Residents
from .spawning import Failure, spawn
from .wire import Channel

TYPE_CHECKING = False  # `typing` takes longer to import than all the rest
if TYPE_CHECKING:
    from collections.abc import Callable

    from .wire import Message

__all__ = ["main"]

_RETRY = 5
"""Milliseconds after which processes that were killed are looked for again."""

_PATIENCE = 2000
"""How many times: about ten seconds. What is alive then cannot be killed."""

_ROUNDS = 64


def main(control: int, lock: int, token: str, owner: int) -> None:
    """Serve the process ``owner`` on the socket ``control`` until it ends.

    :param lock: a descriptor to be held open for as long as this process lives.
    """
    os.set_inheritable(control, False)
    os.set_inheritable(lock, False)
    _become_subreaper()
    _Supervisor(Channel(_socket.socket(fileno=control)), token, owner).serve()


class _Drain:
    """Somebody waits until a pod has no process."""

    def __init__(self, channel: Channel, pod: str, force: bool) -> None:
        self.channel = channel
        self.pod = pod
        self.force = force
        self.patience = _PATIENCE


class _Supervisor:
    def __init__(self, control: Channel, token: str, owner: int) -> None:
        self.requests: dict[str, Callable[..., None]] = {
            "channel": self._open_channel,
            "spawn": self._spawn,
            "signal": self._signal,
            "drain": self._drain,
        }
        self._control = control
        self._channels = {control.fileno(): control}
        self._residents: Residents = Residents(token)
        self._drains: list[_Drain] = []
        self._null = os.open(os.devnull, os.O_RDWR)
        self._poll = select.poll()
        self._poll.register(control.fileno(), select.POLLIN)
        self._signals = _watch_signals()
        self._poll.register(self._signals, select.POLLIN)
        self._owner = _watch(owner)
        if self._owner is not None:
            self._poll.register(self._owner, select.POLLIN)
        self._serving = True
        self._changed = False

    def serve(self) -> None:
        while self._serving:
            forced = any(drain.force for drain in self._drains)
            ready = self._poll.poll(_RETRY if forced else None)
            for number, _ in ready:
                self._ready(number)
            if self._changed or not ready:
                self._settle_drains()
        self._end_all()

    def _ready(self, number: int) -> None:
        if number == self._signals:
            self._on_signals()
        elif number == self._owner:
            self._serving = False
        elif number in self._channels:
            self._on_channel(self._channels[number])

    def _on_signals(self) -> None:
        self._changed = True
        if _signal.SIGTERM in os.read(self._signals, 1 << 12):
            self._serving = False
        while (ended := _next_ended()) is not None:
            pid, status = ended
            leader = self._residents.reaped(pid)
            if leader is not None:
                self._tell_end(leader, status)

    def _tell_end(self, leader: Leader, status: int) -> None:
        code = os.waitstatus_to_exitcode(status)
        vacant = self._residents.is_vacant(leader.pod)
        _reply(leader.sponsor, ("ended", code if code >= 0 else 128 - code, vacant))

    def _on_channel(self, channel: Channel) -> None:
        messages = channel.receive()
        if messages is None:
            self._close(channel)
            return
        for name, *arguments in messages:
            self.requests[name](channel, *arguments)

    def _close(self, channel: Channel) -> None:
        if channel is self._control:
            self._serving = False
        self._drains = [drain for drain in self._drains if drain.channel is not channel]
        self._poll.unregister(channel.fileno())
        del self._channels[channel.fileno()]
        channel.close()

    def _open_channel(self, channel: Channel) -> None:
        (number,) = channel.take_descriptors(1)
        self._channels[number] = Channel(_socket.socket(fileno=number))
        self._poll.register(number, select.POLLIN)

    def _spawn(
        self,
        channel: Channel,
        pod: str,
        number: int,
        argv: list[str],
        environment: dict[str, str],
        directory: str,
        standard: tuple[int, int, int],
        terminal: str,
    ) -> None:
        """Start a process; the reply comes when it ends.

        :param standard: which of the descriptors that came along; -1: nothing.
        """
        came = channel.take_descriptors(1 + max(standard))
        chosen = [came[index] if index >= 0 else self._null for index in standard]
        try:
            pid = spawn(argv, environment, directory, chosen, terminal)
            self._residents.add(pid, Leader(pod, number, channel))
        except Failure as failure:
            _reply(channel, ("failed", failure.what, failure.number))
        finally:
            for descriptor in came:
                os.close(descriptor)

    def _signal(self, channel: Channel, pod: str, number: int | None, signal: int) -> None:
        """Send a signal to all of a pod, or of an exec when ``number`` names one; reply at once."""
        targets = (
            self._residents.of_pod(pod) if number is None else self._residents.of_exec(pod, number)
        )
        for process in targets:
            send_signal(process, signal)
            if signal == _signal.SIGTERM:
                send_signal(process, _signal.SIGCONT)  # what is stopped cannot end politely
        _reply(channel, ("sent",))

    def _drain(self, channel: Channel, pod: str, force: bool) -> None:
        """Reply when nothing of a pod runs; with ``force`` see to it, and forget the pod."""
        self._drains.append(_Drain(channel, pod, force))
        self._changed = True

    def _settle_drains(self) -> None:
        self._changed = False
        self._drains = [drain for drain in self._drains if not self._settle(drain)]

    def _settle(self, drain: _Drain) -> bool:
        remaining = self._remaining(drain)
        if not remaining:
            if drain.force:
                self._residents.forget(drain.pod)
            _reply(drain.channel, ("drained",))
            return True
        drain.patience -= drain.force
        if not drain.patience:
            _reply(drain.channel, ("stuck", [process.pid for process in remaining]))
        return not drain.patience

    def _remaining(self, drain: _Drain) -> list[Process]:
        def look() -> list[Process]:
            return self._residents.of_pod(drain.pod)

        if drain.force:
            _kill(look)
        return look()

    def _end_all(self) -> None:
        for _ in range(_PATIENCE):
            _kill(self._residents.all)
            while _next_ended() is not None:
                pass
            if not self._residents.all():
                return
            select.select([], [], [], _RETRY / 1000)


def _kill(look: Callable[[], list[Process]]) -> None:
    """Kill what ``look`` finds until it finds nothing new: what forks meanwhile is found again."""
    killed: set[tuple[int, int]] = set()
    for _ in range(_ROUNDS):
        found = [process for process in look() if process.identity not in killed]
        if not found:
            return
        for process in found:
            send_signal(process, _signal.SIGKILL)
            killed.add(process.identity)


def _reply(channel: Channel, message: Message) -> None:
    try:
        channel.send(message)
    except OSError:
        return  # nobody is there to be told; the end of the channel is seen by the loop


def _next_ended() -> tuple[int, int] | None:
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, status) if pid else None


def _watch_signals() -> int:
    """Return a descriptor that yields the number of every signal that came."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    _signal.set_wakeup_fd(writing)
    for number in (_signal.SIGCHLD, _signal.SIGTERM):
        _signal.signal(number, lambda *_: None)
    for number in (_signal.SIGINT, _signal.SIGHUP):
        _signal.signal(number, _signal.SIG_IGN)
    return reading


def _watch(owner: int) -> int | None:
    """Return a descriptor that is readable when the process ``owner`` has ended; None where there is no such thing.

    The control channel tells it too, unless a copy of its other end lives on
    in a process that the owner forked.
    """
    try:
        return os.pidfd_open(owner)
    except (AttributeError, OSError):
        return None


def _become_subreaper() -> None:
    if not SEES_ALL:
        return
    import ctypes

    set_child_subreaper = 36
    if ctypes.CDLL(None).prctl(set_child_subreaper, 1, 0, 0, 0) != 0:
        sys.exit("the supervisor of the local executor cannot become a subreaper")
