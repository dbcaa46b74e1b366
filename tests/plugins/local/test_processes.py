from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from ostler_local import processes
from ostler_local.processes import Process


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A shell with a child of its own; both end with their input."""
    child = subprocess.Popen(
        ["sh", "-c", "echo on; cat; true"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "OSTLER_POD": "outer/x/1:t/p/2"},
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"on\n"
        yield child
        child.kill()


def test_look_at_oneself() -> None:
    me = processes.look(os.getpid())
    assert me is not None
    assert (me.pid, me.parent, me.session) == (os.getpid(), os.getppid(), os.getsid(0))


def test_look_at_nobody(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()
    assert processes.look(child.pid) is None
    assert processes.marks(child.pid) == []
    assert processes.descendants(child.pid) == []


def test_children_and_descendants(child: subprocess.Popen[bytes]) -> None:
    assert child.pid in processes.children(os.getpid())
    assert processes.descendants(child.pid)[0].pid == child.pid
    assert processes.children(child.pid) == processes._children_by_scan(child.pid)


def test_signal_is_for_that_process_only(child: subprocess.Popen[bytes]) -> None:
    now = processes.look(child.pid)
    assert now is not None
    earlier = Process(now.pid, now.state, now.parent, now.session, now.start - 1)
    processes.send_signal(earlier, signal.SIGKILL)
    assert child.poll() is None, "another process had that pid once: this one is not meant"
    processes.send_signal(now, signal.SIGKILL)
    assert child.wait(10) == -signal.SIGKILL
    processes.send_signal(now, signal.SIGKILL)


def test_marks(child: subprocess.Popen[bytes]) -> None:
    assert processes.marks(child.pid) == ["outer/x/1", "t/p/2"]
