"""The processes of this machine, as the kernel tells of them.

Where there is no ``/proc`` only the leaders of process groups are seen, and
signals go to whole groups. Imports only what costs the supervisor nothing to start.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # without the enums, which are slow to import
import os

__all__ = [
    "MARKER",
    "SEES_ALL",
    "Process",
    "children",
    "descendants",
    "every",
    "look",
    "marks",
    "send_signal",
]

SEES_ALL = os.path.exists("/proc/self/stat")
"""Whether processes that left their group can be found."""

MARKER = "OSTLER_POD"
"""The variable that tells whose a process is: ``token/pod/exec``, outer ones first, between colons."""

_MARKER = MARKER.encode() + b"="


class Process:
    """A process at one moment.

    :param state: one letter, as ``ps`` shows it.
    :param start: clock ticks since boot; with the pid it names a process for ever.
    """

    __slots__ = ("parent", "pid", "session", "start", "state")

    def __init__(self, pid: int, state: str, parent: int, session: int, start: int) -> None:
        self.pid = pid
        self.state = state
        self.parent = parent
        self.session = session
        self.start = start

    @property
    def identity(self) -> tuple[int, int]:
        """What no other process ever has."""
        return self.pid, self.start


def look(pid: int) -> Process | None:
    """Return what is known of a process, None when there is none."""
    try:
        text = _read(f"/proc/{pid}/stat")
    except OSError:
        return None
    # The name stands in parentheses and may hold anything, also parentheses.
    fields = text[text.rindex(b")") + 2 :].split()
    return Process(pid, fields[0].decode(), int(fields[1]), int(fields[3]), int(fields[19]))


def every() -> list[Process]:
    """Return all processes that are no zombies."""
    names = [name for name in os.listdir("/proc") if name.isdigit()] if SEES_ALL else []
    found = [look(int(name)) for name in names]
    return [process for process in found if process and process.state not in "ZX"]


def marks(pid: int) -> list[str]:
    """Return the marks that a process carries, outermost first; none when it cannot be read."""
    try:
        environment = _read(f"/proc/{pid}/environ")
    except OSError:
        return []
    for entry in environment.split(b"\0"):
        if entry.startswith(_MARKER):
            return entry[len(_MARKER) :].decode(errors="replace").split(":")
    return []


def children(pid: int) -> list[int]:
    """Return the children of a process, zombies included. Its threads' children are its own."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
        lists = [_read(f"/proc/{pid}/task/{thread}/children") for thread in threads]
    except OSError:
        return [] if look(pid) is None else _children_by_scan(pid)
    return [int(number) for numbers in lists for number in numbers.split()]


def descendants(pid: int) -> list[Process]:
    """Return a process and all below it, parents first; nothing when it is gone."""
    found, waiting = [], [pid]
    while waiting:
        process = look(waiting.pop())
        if process is not None:
            found.append(process)
            waiting += children(process.pid)
    return found


def send_signal(process: Process, number: int) -> None:
    """Send a signal to that very process, never to another one that got its pid. Gone: nothing happens."""
    try:
        if not SEES_ALL:
            os.killpg(process.pid, number)
            return
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    try:
        now = look(process.pid)
        if now is not None and now.start == process.start:
            _signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return
    finally:
        os.close(handle)


def _children_by_scan(pid: int) -> list[int]:
    return [process.pid for process in every() if process.parent == pid]


def _read(path: str) -> bytes:
    handle = os.open(path, os.O_RDONLY)
    try:
        pieces = []
        while piece := os.read(handle, 1 << 16):
            pieces.append(piece)
        return b"".join(pieces)
    finally:
        os.close(handle)
