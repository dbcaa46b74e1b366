from __future__ import annotations

import threading

import pytest

from ostler.clock import SystemClock
from ostler.services.executor.workers import Workers

DEADLINE = 10.0


@pytest.mark.parametrize("limit", [1, 3, None])
def test_as_many_jobs_run_at_once_as_the_limit_says(limit: int | None) -> None:
    workers = Workers("test", limit, SystemClock())
    expected = limit or 6
    together = threading.Barrier(expected + 1)
    for _ in range(6):
        workers.submit(lambda: together.wait(DEADLINE))
    for _ in range(6 // expected):
        together.wait(DEADLINE)
    assert workers.close(DEADLINE)


def test_threads_are_used_again() -> None:
    workers = Workers("test", None, SystemClock())
    names: set[str] = set()
    for _ in range(5):
        done = threading.Event()
        workers.submit(lambda done=done: (names.add(threading.current_thread().name), done.set()))
        assert done.wait(DEADLINE)
    assert workers.close(DEADLINE)
    # A worker says that it is free a moment after its job: two take turns at most.
    assert names <= {"test-1", "test-2"}


def test_close_tells_that_a_job_goes_on() -> None:
    workers = Workers("test", 2, SystemClock())
    go_on = threading.Event()
    workers.submit(lambda: go_on.wait(DEADLINE) and None)
    assert not workers.close(0.01)
    go_on.set()
    assert workers.close(DEADLINE)
