from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from ostler.errors import Conflict, Unavailable
from ostler.services.transfer import Task
from ostler.services.transfer.workers import in_parallel

from .conftest import DEADLINE


def test_every_item_is_worked_on_once() -> None:
    done: list[int] = []
    in_parallel(range(100), done.append, Task(jobs=3))
    assert sorted(done) == list(range(100))


def test_as_many_at_once_as_there_are_jobs() -> None:
    together = threading.Barrier(4, timeout=DEADLINE)
    in_parallel(range(4), lambda item: together.wait() and None, Task(jobs=4))
    assert not together.broken


def test_items_are_taken_as_they_are_needed() -> None:
    taken: list[int] = []
    go = threading.Event()
    enough = threading.Event()

    def items() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            if number == 4:
                enough.set()
            yield number

    def work(item: int) -> None:
        assert go.wait(DEADLINE)

    thread = threading.Thread(target=in_parallel, args=(items(), work, Task(jobs=2)))
    thread.start()
    assert enough.wait(DEADLINE)
    assert len(taken) == 5  # four places, and one that waits for the next
    go.set()
    thread.join(DEADLINE)
    assert len(taken) == 1000


def test_the_first_error_ends_it() -> None:
    task = Task(jobs=2)
    done: list[int] = []

    def work(item: int) -> None:
        if item == 3:
            raise ZeroDivisionError
        done.append(item)

    with pytest.raises(ZeroDivisionError):
        in_parallel(range(10**9), work, task)
    assert task.stop.is_set()


def test_an_error_of_the_items_ends_it_and_not_what_comes_of_that() -> None:
    begun = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        assert begun.wait(DEADLINE)
        raise Unavailable("the listing broke off")

    task = Task(jobs=2)

    def work(item: int) -> None:
        begun.set()
        assert task.stop.wait(DEADLINE)
        raise Conflict("stopped", code="cancelled")

    with pytest.raises(Unavailable, match="broke off"):
        in_parallel(items(), work, task)


def test_told_to_stop_it_takes_nothing_more() -> None:
    task = Task(jobs=1)
    done: list[int] = []

    def work(item: int) -> None:
        done.append(item)
        task.stop.set()

    with pytest.raises(Conflict) as caught:
        in_parallel(range(10**9), work, task)
    assert (caught.value.code, done) == ("cancelled", [0])
