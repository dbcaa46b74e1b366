"""Ten thousand operations, and every tenth request fails; a model says what must be there."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from ostler.errors import Conflict, NotFound, Unknown
from ostler.testing.faults import (
    CutBody,
    CutRequest,
    Duplicate,
    Fault,
    LoseAnswer,
    Plan,
    Request,
    Reset,
    Status,
    every,
    s3_error,
)

from .bad_days import Bad, bad_days
from .conftest import Connect, MakePlace

THREADS = 4
FAULTS: list[Fault] = [
    s3_error("SlowDown"),
    CutBody(0.5, reset=True),
    Reset(),
    LoseAnswer(),
    CutBody(0.9),
    Duplicate(),
    s3_error("InternalError"),
    CutRequest(0.5),
    Status(502),
]


@pytest.fixture(params=["moto", "seaweed", pytest.param("ceph", marks=pytest.mark.slow)])
def bad(request: pytest.FixtureRequest, make_place: MakePlace, connect: Connect) -> Iterator[Bad]:
    with bad_days(make_place(request.param, "some/prefix/", shared=True), connect) as bad:
        yield bad


def each_tenth() -> Plan:
    due, turns = every(10, Reset()), itertools.cycle(FAULTS)

    def plan(request: Request) -> Fault | None:
        return next(turns) if due(request) else None

    return plan


class Worker:
    """Does what its dice say with keys of its own, and knows of each what may be there.

    :ivar states: key → the bytes that may be there, None for nothing; one, unless nobody can know.
    """

    def __init__(self, bad: Bad, name: int) -> None:
        self._storage, self._name = bad.storage, name
        self._dice = random.Random(name)
        self.states: dict[str, set[bytes | None]] = {}

    def work(self, operations: int) -> None:
        deeds = [self._put, self._put, self._put_new, self._delete, self._read, self._list]
        for _ in range(operations):
            key = f"{self._name}/{self._dice.randrange(10)}/{self._dice.randrange(12)}"
            self.states.setdefault(key, {None})
            self._dice.choice(deeds)(key)

    def _data(self) -> bytes:
        return self._dice.randbytes(self._dice.choice([0, 1, 100, 5_000, 200_000]))

    def _put(self, key: str) -> None:
        data = self._data()
        self._may_become(key, data)
        self._storage.put(key, data)
        self.states[key] = {data}

    def _put_new(self, key: str) -> None:
        data = self._data()
        try:
            self._storage.put(key, data, if_absent=True)
        except Conflict:
            self.states[key].discard(None)
            assert self.states[key], f"{key} exists, and nobody but us may have made it"
        except Unknown:
            self._may_become(key, data)
        else:
            assert None in self.states[key], f"{key} was there and was replaced"
            self.states[key] = {data}

    def _delete(self, key: str) -> None:
        self._storage.delete(key)
        self.states[key] = {None}

    def _read(self, key: str) -> None:
        try:
            found: bytes | None = self._storage.read(key)
        except NotFound:
            found = None
        assert found in self.states[key]
        self.states[key] = {found}

    def _list(self, key: str) -> None:
        prefix = key.rpartition("/")[0] + "/"
        listed = {info.key for info in self._storage.objects(prefix)}
        for each, states in self.states.items():
            if each.startswith(prefix) and states == {None}:
                assert each not in listed
            elif each.startswith(prefix) and None not in states:
                assert each in listed

    def _may_become(self, key: str, data: bytes) -> None:
        self.states[key] = self.states[key] | {data}


def _run(bad: Bad, operations: int) -> None:
    bad.during(each_tenth())
    workers = [Worker(bad, name) for name in range(THREADS)]
    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(each.work, operations // THREADS) for each in workers]:
            done.result()
    assert bad.proxy.log.count(faulty=True) >= operations // 20
    bad.during(None)
    listed = set(bad.place.listed())
    states = {key: states for worker in workers for key, states in worker.states.items()}
    assert listed <= set(states)
    for key, possible in states.items():
        assert (bad.place.read(key) if key in listed else None) in possible, key
    assert bad.place.uploads() == []


def test_many_operations(bad: Bad) -> None:
    _run(bad, 400)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_ten_thousand_operations(bad: Bad) -> None:
    _run(bad, 10_000)
