"""What became of the objects of a transfer, and who is told while it goes on."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from ostler.errors import Conflict, Error

__all__ = ["Failure", "Observer", "Report", "Task", "check_running", "stopped"]

_MOST = 1000


class Observer:
    """Is told how a transfer goes on, from any thread; this one lets all of it pass."""

    def began(self, name: str, size: int | None) -> None:
        """The bytes of an object begin to move; None: nobody knows how many."""

    def moved(self, name: str, count: int) -> None:
        """``count`` bytes more have been read; negative when they are read again, or were given up."""

    def ended(self, name: str) -> None:
        """The object is stored, or was given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """How a transfer is done.

    :param jobs: objects at once, each in a thread.
    :param persist: return only when everything would survive a power loss.
    :param stop: set it to end the transfer in order: nothing is left half done.
    """

    jobs: int = 8
    persist: bool = True
    stop: threading.Event = field(default_factory=threading.Event)
    observer: Observer = field(default_factory=Observer)

    def ended_by(self, error: Error) -> bool:
        """Tell whether an error is no failure, but comes of ``stop``."""
        return error.code == "cancelled" and self.stop.is_set()


@dataclass(frozen=True, slots=True)
class Failure:
    """An object that could not be brought over, and why."""

    name: str
    error: Error


class Report:
    """What became of the objects. Written by many threads, read when they are done.

    :ivar copied: objects; ``size`` is their bytes.
    :ivar same: objects that the target had already.
    :ivar removed: objects removed from the target.
    :ivar gone: objects of the source that somebody removed meanwhile.
    :ivar failed: objects that were not brought over.
    :ivar vanished: the names of the first thousand of ``gone``.
    :ivar failures: the first thousand of ``failed``.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.copied = self.size = self.same = self.removed = self.gone = self.failed = 0
        self.vanished: list[str] = []
        self.failures: list[Failure] = []

    def add_copy(self, size: int) -> None:
        """Count an object that was stored."""
        with self._lock:
            self.copied += 1
            self.size += size

    def add_same(self) -> None:
        """Count an object that need not be copied."""
        with self._lock:
            self.same += 1

    def add_removed(self, count: int) -> None:
        """Count objects that were removed."""
        with self._lock:
            self.removed += count

    def add_vanished(self, name: str) -> None:
        """Count an object that was listed and is no more."""
        with self._lock:
            self.gone += 1
            if len(self.vanished) < _MOST:
                self.vanished.append(name)

    def add_failure(self, name: str, error: Error) -> None:
        """Count an object that could not be brought over."""
        with self._lock:
            self.failed += 1
            if len(self.failures) < _MOST:
                self.failures.append(Failure(name, error))


def stopped() -> Conflict:
    """Return the error of a transfer that was told to stop."""
    return Conflict("stopped before it was done; what was stored is whole", code="cancelled")


def check_running(stop: threading.Event) -> None:
    """Go on unless told to stop.

    :raises Conflict: code ``"cancelled"``.
    """
    if stop.is_set():
        raise stopped()
