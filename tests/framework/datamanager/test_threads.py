from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from ostler.datamanager import SystemThreads

from .database_support import PATIENCE, StillClock


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def threads(clock: StillClock) -> SystemThreads:
    return SystemThreads(clock)


def test_a_gate_is_closed_until_it_is_opened(threads: SystemThreads) -> None:
    gate = threads.gate()
    assert (gate.wait(0), gate.wait(0.001)) == (False, False)
    gate.open()
    assert (gate.wait(0), gate.wait(), gate.wait(1)) == (True, True, True)


def test_a_gate_can_be_opened_again(threads: SystemThreads) -> None:
    gate = threads.gate()
    gate.open()
    gate.open()
    assert gate.wait(0) is True


def test_gates_are_independent(threads: SystemThreads) -> None:
    one, two = threads.gate(), threads.gate()
    one.open()
    assert (one.wait(0), two.wait(0)) == (True, False)


def test_who_waits_at_a_gate_goes_on_when_it_is_opened(threads: SystemThreads) -> None:
    gate = threads.gate()
    waiting = threading.Event()
    results: list[bool] = []

    def wait() -> None:
        waiting.set()
        results.append(gate.wait(PATIENCE))

    task = threads.spawn(wait, "waiter")
    assert waiting.wait(PATIENCE)
    gate.open()
    task.join()
    assert results == [True]


def test_locks_exclude(threads: SystemThreads) -> None:
    lock, other = threads.lock(), threads.lock()
    entered: list[str] = []

    def enter() -> None:
        with lock:
            entered.append("second")

    with lock:
        task = threads.spawn(enter, "second")
        with other:
            entered.append("first")
    task.join()
    assert entered == ["first", "second"]


def test_what_is_spawned_runs_beside_the_caller_and_keeps_no_process_alive(
    threads: SystemThreads,
) -> None:
    seen: list[tuple[str, bool, bool]] = []

    def run() -> None:
        thread = threading.current_thread()
        seen.append((thread.name, thread.daemon, thread is threading.main_thread()))

    threads.spawn(run, "some-name").join()
    assert seen == [("some-name", True, False)]


def numbers(count: int) -> Iterator[int]:
    yield from range(count)


@pytest.mark.parametrize("count", [0, 1, 8, 9, 100])
@pytest.mark.parametrize("seconds", [0.0, 1.0])
def test_results_come_in_order(
    threads: SystemThreads, clock: StillClock, count: int, seconds: float
) -> None:
    def double(number: int) -> int:
        clock.pass_time(seconds)
        return 2 * number

    assert list(threads.map(double, numbers(count))) == [2 * number for number in range(count)]


def test_what_is_quick_is_done_by_the_caller(threads: SystemThreads) -> None:
    names = set(threads.map(lambda _number: threading.current_thread().name, range(100)))
    assert names == {threading.current_thread().name}


def test_what_takes_long_is_done_at_once(threads: SystemThreads, clock: StillClock) -> None:
    barrier = threading.Barrier(4, timeout=PATIENCE)

    def meet(number: int) -> str:
        clock.pass_time(1.0)
        if number >= 8:
            barrier.wait()
        return threading.current_thread().name

    names = list(threads.map(meet, range(16)))
    assert set(names[:8]) == {threading.current_thread().name}
    assert all(name.startswith("datamanager-read") for name in names[8:])


@pytest.mark.parametrize("seconds", [0.0, 1.0])
@pytest.mark.parametrize("at", [3, 30])
def test_what_a_call_raises_comes_out_in_its_place(
    threads: SystemThreads, clock: StillClock, seconds: float, at: int
) -> None:
    def call(number: int) -> int:
        clock.pass_time(seconds)
        if number == at:
            raise ValueError(f"{number}")
        return number

    results = threads.map(call, range(100))
    assert [next(results) for _ in range(at)] == list(range(at))
    with pytest.raises(ValueError, match=f"{at}"):
        next(results)


def test_no_thread_is_left(threads: SystemThreads, clock: StillClock) -> None:
    before = set(threading.enumerate())
    list(threads.map(lambda _number: clock.pass_time(1.0), range(50)))
    assert set(threading.enumerate()) <= before
