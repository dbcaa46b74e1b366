"""Processes that are forked from one that has imported everything: quick to start, never left behind."""

from __future__ import annotations

import argparse
import ctypes
import faulthandler
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PARENT = "OSTLER_FAULTS_PARENT"
"""In the environment: number of the process that a script ends with, whatever that one dies of."""

_PR_SET_PDEATHSIG = 1
_LIBRARY = ctypes.CDLL(None, use_errno=True)


class Processes:
    """The children of this process. It must have no thread but its own."""

    def __init__(self) -> None:
        self._running: set[int] = set()

    def fork(self, run: Callable[[], None]) -> int:
        """Run something in a child: exit code 0, or 3 with what it raised on the standard error stream."""
        parent = os.getpid()
        child = os.fork()
        if child:
            self._running.add(child)
            return child
        code = 3
        try:
            # Whoever kills this process by its number takes the children along.
            _end_with_parent()
            faulthandler.register(signal.SIGUSR2, all_threads=True)
            if os.getppid() == parent:
                run()
                code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)

    def wait(self, child: int) -> int:
        """Wait for the end of a child; return its exit code, negative for a signal."""
        _child, status = os.waitpid(child, 0)
        self._running.discard(child)
        return os.waitstatus_to_exitcode(status)

    def check(self, child: int) -> None:
        """See to it that a child is still running.

        :raises AssertionError: it ended by itself.
        """
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            self._running.discard(child)
            raise AssertionError(f"a process ended with {os.waitstatus_to_exitcode(status)}")

    def check_all(self) -> None:
        """See to it that every child is still running."""
        for child in list(self._running):
            self.check(child)

    def tell_where(self) -> None:
        """Let every child write what its threads are doing to the standard error stream."""
        for child in self._running:
            os.kill(child, signal.SIGUSR2)
        time.sleep(0.5)  # nobody says when they have done so

    def kill(self, child: int) -> None:
        """End a child by SIGKILL, or find that it had failed before.

        :raises AssertionError: it had.
        """
        os.kill(child, signal.SIGKILL)
        code = self.wait(child)
        assert code == -signal.SIGKILL, f"a process had ended with {code}"

    def stopped(self, child: int, seconds: float) -> bool:
        """Wait until a child has been stopped by a signal; False: it was not in this time.

        :raises AssertionError: it ended.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found, status = os.waitpid(child, os.WUNTRACED | os.WNOHANG)
            if found and os.WIFSTOPPED(status):
                return True
            if found:
                self._running.discard(child)
                raise AssertionError(f"a process ended with {os.waitstatus_to_exitcode(status)}")
            time.sleep(0.001)
        return False

    def end(self) -> None:
        """Kill what is still running."""
        for child in list(self._running):
            os.kill(child, signal.SIGKILL)
            self.wait(child)


@contextmanager
def processes() -> Iterator[Processes]:
    """Children that are gone when the block is left."""
    end_as_told()
    children = Processes()
    try:
        yield children
    finally:
        children.end()


def end_as_told() -> None:
    """See to it that this process ends with the one that the environment names."""
    if PARENT in os.environ:
        _end_with_parent()
        assert os.getppid() == int(os.environ[PARENT]), "whoever wanted this is gone"


def _end_with_parent() -> None:
    _LIBRARY.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def given_options(doc: str | None, *, cycles: int, seed: int) -> argparse.Namespace:
    """Return what the command line of a campaign says, and print what repeats it."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--cycles", type=int, default=cycles)
    parser.add_argument("--seed", type=int, default=seed)
    parser.add_argument("--arbiter", choices=["storage", "kv"], default="storage")
    parser.add_argument("--directory", type=Path, default=quick_directory())
    given = parser.parse_args()
    print(f"seed {given.seed}, {given.cycles} cycles", flush=True)
    return given


def quick_directory() -> Path | None:
    """Return a place in memory, if the system has one: a kill does not take what only a power loss would."""
    shared = Path("/dev/shm")
    return shared if os.access(shared, os.W_OK) else None
