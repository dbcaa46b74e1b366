"""Which process belongs to which pod: the supervisor's register.

The supervisor is the subreaper of all that it starts. A process that still
runs when the process that was started for an exec (its *leader*) has ended is
therefore below a child of the supervisor that is no leader: an *orphan*. With
no orphans, a pod whose leaders have ended has nothing left.
"""

from __future__ import annotations

import os

from .processes import SEES_ALL, Process, children, descendants, look, marks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .wire import Channel

__all__ = ["Leader", "Residents"]


class Leader:
    """The process that was started for an exec; it leads a session of its own.

    :param sponsor: where its end is to be told.
    """

    __slots__ = ("number", "pod", "sponsor")

    def __init__(self, pod: str, number: int, sponsor: Channel) -> None:
        self.pod = pod
        self.number = number
        self.sponsor = sponsor


class Residents:
    """The register. One thread only.

    :param token: what the marks of this driver's processes begin with.
    """

    def __init__(self, token: str) -> None:
        self._token = token
        self._me = os.getpid()
        self._leaders: dict[int, Leader] = {}
        self._sessions: dict[int, str] = {}
        self._suspects: dict[int, set[str]] = {}

    def add(self, pid: int, leader: Leader) -> None:
        """Take in a new leader."""
        self._leaders[pid] = leader
        self._sessions[pid] = leader.pod

    def reaped(self, pid: int) -> Leader | None:
        """Strike out a child that ended; return who it was if it was a leader."""
        self._suspects.pop(pid, None)
        return self._leaders.pop(pid, None)

    def leader(self, pod: str, number: int) -> int | None:
        """Return the pid of an exec's leader while it runs."""
        for pid, leader in self._leaders.items():
            if leader.pod == pod and leader.number == number:
                return pid
        return None

    def is_vacant(self, pod: str) -> bool:
        """Whether it is certain, at little cost, that nothing of the pod runs; then it is forgotten."""
        if any(leader.pod == pod for leader in self._leaders.values()) or self._orphans():
            return False
        if not SEES_ALL and self.of_pod(pod):
            return False
        self.forget(pod)
        return True

    def of_pod(self, pod: str) -> list[Process]:
        """Return every process of a pod."""
        mine = [pid for pid, leader in self._leaders.items() if leader.pod == pod]
        if not SEES_ALL:
            groups = [session for session, owner in self._sessions.items() if owner == pod]
            return [Process(group, "?", 0, group, 0) for group in groups if _group_lives(group)]
        mine += [pid for pid in self._orphans() if self._is_owner(pid, pod)]
        return _trees(mine)

    def of_exec(self, pod: str, number: int) -> list[Process]:
        """Return every process of an exec whose leader still runs."""
        pid = self.leader(pod, number)
        if pid is None:
            return []
        if not SEES_ALL:
            return [Process(pid, "?", 0, pid, 0)]
        mark = f"{self._token}/{pod}/{number}"
        return _trees([pid, *(one for one in self._orphans() if _is_of(one, pid, mark))])

    def all(self) -> list[Process]:
        """Return every process below the supervisor."""
        if not SEES_ALL:
            return [
                Process(group, "?", 0, group, 0) for group in self._sessions if _group_lives(group)
            ]
        return _trees(children(self._me))

    def forget(self, pod: str) -> None:
        """Strike out a pod of which nothing runs any more."""
        self._sessions = {pid: owner for pid, owner in self._sessions.items() if owner != pod}
        for candidates in self._suspects.values():
            candidates.discard(pod)

    def _orphans(self) -> list[int]:
        if not SEES_ALL:
            return []
        return [pid for pid in children(self._me) if pid not in self._leaders]

    def _is_owner(self, pid: int, pod: str) -> bool:
        owner = self._owner(pid)
        if owner is not None:
            return owner == pod
        # It shed what would tell. It is of a pod that was there when it was
        # first seen: the last of those answers for it.
        candidates = self._suspects.setdefault(pid, set(self._sessions.values()))
        return candidates <= {pod}

    def _owner(self, pid: int) -> str | None:
        for process in descendants(pid):
            if process.session in self._sessions:
                return self._sessions[process.session]
            for mark in marks(process.pid):
                token, _, rest = mark.partition("/")
                if token == self._token:
                    return rest.partition("/")[0]
        return None


def _trees(roots: list[int]) -> list[Process]:
    found = [process for root in roots for process in descendants(root)]
    return [process for process in found if process.state not in "ZX"]


def _is_of(orphan: int, session: int, mark: str) -> bool:
    process = look(orphan)
    return process is not None and (process.session == session or mark in marks(orphan))


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
