from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from ostler_fsspec.clients import Clients


class Thing:
    def __init__(self) -> None:
        self.alive, self.ended = True, False

    def fail(self) -> None:
        self.alive = False
        raise EOFError


class Maker:
    def __init__(self) -> None:
        self.made: list[Thing] = []

    def __call__(self) -> Thing:
        self.made.append(Thing())
        return self.made[-1]


def clients(maker: Callable[[], Thing], most: int) -> Clients:
    return Clients(maker, most, lambda thing, _error: not thing.alive)


def end(thing: Thing) -> None:
    thing.ended = True


@pytest.mark.parametrize(("most", "made"), [(0, 1), (1, 1), (3, 3)])
def test_as_many_are_made_as_are_used_at_once(most: int, made: int) -> None:
    maker = Maker()
    pool = clients(maker, most)
    taken = [pool.take() for _ in range(5)]
    assert len(maker.made) == made
    for client in taken:
        pool.give_back(client)
    with pool.use():
        assert len(maker.made) == made


def test_many_threads_at_once_make_no_more() -> None:
    maker, met = Maker(), threading.Barrier(2)

    def make_when_two_do() -> Thing:
        if maker.made:
            with suppress(threading.BrokenBarrierError):
                met.wait(0.1)
        return maker()

    pool = clients(make_when_two_do, 3)
    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda _: pool.take(), range(8)))
    assert met.broken  # nobody made one while another did
    assert len(maker.made) == 3
    assert sorted(Counter(client.fs for client in taken).values()) == [2, 3, 3]


def test_the_first_is_made_at_once() -> None:
    maker = Maker()
    clients(maker, 4)
    assert len(maker.made) == 1


def test_a_broken_one_is_replaced() -> None:
    maker = Maker()
    pool = clients(maker, 4)
    with pytest.raises(EOFError), pool.use() as client:
        client.call("fail")
    with pool.use() as client:
        assert client.fs is maker.made[1]


def test_one_that_raised_and_lives_is_kept() -> None:
    maker = Maker()
    pool = clients(maker, 4)
    with pytest.raises(KeyError), pool.use():
        raise KeyError
    with pool.use() as client:
        assert client.fs is maker.made[0]


def test_all_are_ended() -> None:
    maker = Maker()
    pool = clients(maker, 4)
    for _ in range(3):
        pool.take()
    pool.close(end)
    pool.close(end)
    assert [thing.ended for thing in maker.made] == [True] * 3
