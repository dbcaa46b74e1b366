"""Checks of many threads at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from itertools import cycle

from ostler.errors import Conflict, NotFound
from ostler.spi.storage import StorageDriver

from .tools import Checks, expect, in_threads, keys_of, names_of, put, read

__all__ = ["RaceChecks"]

_ROUNDS = 12
_THREADS = 16


class RaceChecks(Checks):
    """What holds while others write and delete."""

    def test_if_absent_race(self, driver: StorageDriver) -> None:
        """Of many racing exclusive puts exactly one wins, and its bytes are kept."""
        if not driver.capabilities.exclusive_put:
            return
        for number in range(_ROUNDS):
            key, winners = f"race/{number}/won", list[bytes]()
            in_threads([_contender(driver, key, b"%02d" % one, winners) for one in range(_THREADS)])
            expect(len(winners), 1, "the number of winners")
            expect(read(driver, key), winners[0], "the bytes kept")
        expect(list(self.leftovers(driver)), [], "what the losers left behind")

    def test_whole_versions(self, driver: StorageDriver) -> None:
        """Whoever reads while others overwrite sees one version, whole."""
        put(driver, "hot", b"0" * 1000)
        done = threading.Event()

        def write(digit: int) -> None:
            for number in range(_ROUNDS):
                put(driver, "hot", b"%d" % digit * (1000 + 70_000 * (number % 3)))

        def check() -> None:
            while not done.is_set():
                info, body = driver.get("hot", 0, None)
                with body:
                    data = body.read()
                expect(len(data), info.size, "the bytes read, against the size told")
                expect(data, data[:1] * len(data), "the bytes read are all of one version")

        def write_all() -> None:
            try:
                in_threads([lambda digit=digit: write(digit) for digit in range(4)])  # type: ignore[misc]
            finally:
                done.set()

        in_threads([write_all, check, check])

    def test_last_of_a_directory(self, driver: StorageDriver) -> None:
        """A write is not lost when the last object beside it is deleted at that moment."""
        pairs = [threading.Barrier(2) for _pair in range(3)]
        in_threads(
            [
                partial(_come_and_go, driver, f"dir/{number}/{turn}", pair, turn)
                for number, pair in enumerate(pairs)
                for turn in (0, 1)
            ]
        )
        expect(keys_of(driver), [], "the keys listed when all were deleted")
        expect(list(driver.list("", "", "/")), [], "the common prefixes listed")

    def test_many_threads(self, driver: StorageDriver) -> None:
        """What each thread wrote and deleted is so in the end."""

        def work(name: int) -> None:
            for number in range(_ROUNDS * 2):
                key = f"work/{number % 3}/{name}-{number}"
                put(driver, key, key.encode(), persist=number == 0)
                if number % 2:
                    driver.delete(key)

        in_threads([lambda name=name: work(name) for name in range(_THREADS)])  # type: ignore[misc]
        rows = [(name, number) for name in range(_THREADS) for number in range(0, _ROUNDS * 2, 2)]
        expected = sorted(f"work/{number % 3}/{name}-{number}" for name, number in rows)
        expect(keys_of(driver), expected, "the keys listed")
        for key in expected:
            expect(read(driver, key), key.encode(), f"the bytes of {key!r}")

    def test_list_while_writing(self, driver: StorageDriver) -> None:
        """A listing tells once each key that is there all the time, while others come and go."""
        steady = [f"steady/{number % 4}/{number:03}" for number in range(0, 200, 2)]
        for key in steady:
            put(driver, key, b"x")
        done = threading.Event()

        def disturb() -> None:
            for number in cycle(range(1, 200, 2)):
                put(driver, f"steady/{number % 4}/{number:03}", b"new")
                put(driver, steady[number % len(steady)], b"again")
                if done.is_set():
                    return
                driver.delete(f"steady/{(number - 2) % 4}/{number - 2:03}")

        def check() -> None:
            try:
                for _listing in range(_ROUNDS):
                    names = names_of(driver.list("steady/", "", ""))
                    expect(len(names), len(set(names)), "the number of keys, each told once")
                    expect(sorted(set(steady) - set(names)), [], "steady keys that were not told")
            finally:
                done.set()

        in_threads([disturb, check])


def _come_and_go(driver: StorageDriver, key: str, pair: threading.Barrier, turn: int) -> None:
    """Put and delete in turns, against another thread that does so the other way round."""
    try:
        for number in range(_ROUNDS * 4):
            pair.wait()
            if number % 2 != turn:
                driver.delete(key)
                pair.wait()
            else:
                put(driver, key, b"%d" % number)
                pair.wait()
                expect(read(driver, key), b"%d" % number, "what was written beside a delete")
    except BaseException:
        pair.abort()
        raise
    driver.delete(key)


def _contender(
    driver: StorageDriver, key: str, data: bytes, winners: list[bytes]
) -> Callable[[], None]:
    def contend() -> None:
        try:
            put(driver, key, data, if_absent=True)
        except Conflict as error:
            expect(error.code, "exists", "the code of a loser's error")
            expect(_is_there(driver, key), True, "the key is there for a loser")
        else:
            winners.append(data)

    return contend


def _is_there(driver: StorageDriver, key: str) -> bool:
    try:
        return bool(driver.stat(key))
    except NotFound:
        return False
