"""The driver, behind the portable type as everybody uses it, when the server and the network fail.

Each operation succeeds or raises the error of its contract; nothing is lost, nothing is there
twice or half, nothing is left behind. What is there is told by a witness that goes to the server directly.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ostler.clock import SystemClock
from ostler.errors import BadRequest, Conflict, Error, NotFound, Unavailable, Unknown
from ostler.ost import ObjectStorage
from ostler.testing.faults import (
    CutBody,
    CutRequest,
    Delay,
    Duplicate,
    Fault,
    LoseAnswer,
    Reset,
    Status,
    always,
    chance,
    every,
    first,
    nth,
    s3_error,
    together,
)

from .bad_days import ONCE, PART, Bad, bad_days
from .conftest import Connect, MakePlace

MIB = 1 << 20
COMPLETE = r"\?uploadId="
CUT = CutBody(at=0.5)
SLOW_DOWN = s3_error("SlowDown")


class Once:
    """A source that cannot be rewound."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def read(self, size: int = -1, /) -> bytes:
        end = len(self._data) if size < 0 else self._at + size
        piece = self._data[self._at : end]
        self._at += len(piece)
        return piece


SERVERS = ["seaweed", *(pytest.param(name, marks=pytest.mark.slow) for name in ("moto", "ceph"))]
"""The driver meets the faults before it meets the server: one is enough for every day."""


@pytest.fixture(params=SERVERS)
def bad(request: pytest.FixtureRequest, make_place: MakePlace, connect: Connect) -> Iterator[Bad]:
    with bad_days(make_place(request.param, "some/prefix/", shared=True), connect) as bad:
        yield bad


def bytes_of(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


def outcome(call: Callable[[], object]) -> str:
    """How a call ended: ``done``, or the name of its error's type."""
    try:
        call()
    except Error as error:
        return type(error).__name__
    return "done"


# Many operations, some of which meet a fault


MIXED = [
    every(10, SLOW_DOWN),
    every(10, s3_error("InternalError")),
    every(10, Status(502)),
    every(10, Reset()),
    every(10, LoseAnswer()),
    every(10, Duplicate()),
    every(10, Duplicate(answer=1)),
    chance(0.3, CUT, seed=3, method="GET"),
    chance(0.3, CutBody(at=0.5, reset=True), seed=4, method="GET"),
    chance(0.2, CutRequest(), seed=5),
    every(10, Delay(0.05)),
]


@pytest.mark.parametrize("number", range(len(MIXED)))
def test_what_passes_is_not_noticed(bad: Bad, number: int) -> None:
    bad.during(MIXED[number])
    kept = {f"k/{n % 7}/{n}": bytes_of(n * 100, n) for n in range(40)}
    for key, data in kept.items():
        bad.storage.put(key, data)
    for key in list(kept)[::3]:
        bad.storage.delete(key)
        del kept[key]
    bad.storage.delete_many(list(kept)[:5])
    for key in list(kept)[:5]:
        del kept[key]
    for key, data in kept.items():
        assert bad.storage.read(key) == data
        assert bad.storage.stat(key).size == len(data)
    assert [each.key for each in bad.storage.objects("k/")] == sorted(kept)
    with pytest.raises(NotFound):
        bad.storage.stat("k/0/0")
    assert bad.proxy.log.count(faulty=True) >= 3
    assert bad.place.listed() == sorted(kept)
    assert {key: bad.place.read(key) for key in kept} == kept


# Large bodies


@pytest.mark.parametrize(
    "fault", [SLOW_DOWN, Reset(), CUT, CutBody(at=0.9, reset=True), CutBody(at=70_000)]
)
def test_a_large_body_survives(bad: Bad, fault: Fault) -> None:
    data = bytes_of(16 * MIB)
    bad.storage.put("large", data)
    bad.during(chance(0.3, fault, seed=1, method="GET"))
    for _ in range(2):
        assert bad.storage.read("large") == data
    with bad.storage.get("large", 3 * MIB, 14 * MIB) as body:
        assert body.read() == data[3 * MIB : 14 * MIB]
    assert bad.proxy.log.count("GET", faulty=True) >= 1


def test_a_body_that_never_comes_whole_is_unavailable(bad: Bad) -> None:
    bad.storage.put("k", bytes_of(100_000))
    bad.during(always(CutBody(at=10), method="GET"))
    with bad.impatient.get("k") as body, pytest.raises(Unavailable):
        body.read()


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("fault", [SLOW_DOWN, Reset(), LoseAnswer(), Duplicate(), CutRequest(0.7)])
def test_a_large_put_survives(bad: Bad, fault: Fault, known: bool) -> None:
    """Parts are sent again by the driver itself: the source cannot be read twice."""
    data = bytes_of(16 * MIB, 2)
    bad.during(every(3, fault, target="partNumber="))
    bad.storage.put("large", Once(data), size=len(data) if known else None)
    assert bad.proxy.log.count(faulty=True) >= 1
    assert bad.place.read("large") == data
    assert bad.place.uploads() == []


@pytest.mark.parametrize(
    "fault", [SLOW_DOWN, Reset(), LoseAnswer(), Duplicate(), Duplicate(answer=1)]
)
@pytest.mark.parametrize("if_absent", [False, True])
@pytest.mark.parametrize("step", [r"\?uploads", COMPLETE])
def test_the_steps_around_the_parts(bad: Bad, step: str, fault: Fault, if_absent: bool) -> None:
    data = bytes_of(6 * MIB, 3)
    if if_absent:
        _try_out_exclusive_parts(bad, data)
    bad.during(first(1, fault, method="POST", target=step))
    ended = outcome(lambda: bad.storage.put("large", data, if_absent=if_absent))
    assert bad.proxy.log.count(faulty=True) == 1
    there = "large" in bad.place.listed()
    assert ended in (["done"] if there and not if_absent else ["done", "Unknown", "Unavailable"])
    assert there or ended != "done"
    assert not there or bad.place.read("large") == data
    lost = step == r"\?uploads" and fault in (LoseAnswer(), Duplicate(), Duplicate(answer=1))
    assert len(bad.place.uploads()) <= lost, "an upload whose id was never told is for the sweep"


# Exclusive puts


def _try_out_exclusive_parts(bad: Bad, data: bytes) -> None:
    """Let the driver try out before anything goes wrong what it tries out once; skip where it is no use."""
    if bad.place.server.name == "ceph":
        with pytest.raises(BadRequest, match="If-None-Match"):
            bad.storage.put("first", data, if_absent=True)
        assert (bad.place.listed(), bad.place.uploads()) == ([], [])
        pytest.skip("ceph ignores If-None-Match where an upload is completed")
    bad.storage.put("first", data, if_absent=True)


@pytest.mark.parametrize("size", [10, 6 * MIB])
@pytest.mark.parametrize("fault", [LoseAnswer(), Duplicate(), Duplicate(answer=1)])
def test_an_exclusive_put_is_not_mistaken_for_another_ones(
    bad: Bad, fault: Fault, size: int
) -> None:
    data = bytes_of(size, 4)
    if size > PART:
        _try_out_exclusive_parts(bad, data)
    method, target = ("PUT", "/k$") if size < PART else ("POST", COMPLETE)
    bad.during(first(1, fault, method=method, target=target))
    ended = outcome(lambda: bad.storage.put("k", data, if_absent=True))
    assert bad.place.read("k") == data
    assert ended in ("done", "Unknown")
    assert bad.place.uploads() == []


@pytest.mark.parametrize("patient", [True, False])
def test_an_exclusive_put_that_cannot_be_settled_is_unknown(bad: Bad, patient: bool) -> None:
    """The answer is lost, and so is every attempt to look whose object it is."""
    reading = [always(Status(503), method=method) for method in ("HEAD", "GET")]
    bad.during(together(first(1, LoseAnswer(), method="PUT"), *reading))
    storage = bad.storage if patient else bad.impatient
    with pytest.raises(Unknown):
        storage.put("k", b"1", if_absent=True)
    assert bad.place.read("k") == b"1"


@pytest.mark.parametrize(
    "fault", [SLOW_DOWN, Reset(), LoseAnswer(), Duplicate(), Duplicate(answer=1)]
)
def test_what_exists_is_a_conflict_all_the_same(bad: Bad, fault: Fault) -> None:
    bad.storage.put("k", b"theirs")
    bad.during(every(2, fault))
    for _ in range(6):
        with pytest.raises(Conflict) as caught:
            bad.storage.put("k", b"ours", if_absent=True)
        assert caught.value.code == "exists"
    assert bad.place.read("k") == b"theirs"


def test_an_exclusive_put_sent_twice_that_cannot_be_settled_is_unknown(bad: Bad) -> None:
    reading = [always(Status(503), method=method) for method in ("HEAD", "GET")]
    bad.during(together(first(1, Duplicate(), method="PUT"), *reading))
    with pytest.raises(Unavailable):
        bad.impatient.put("k", b"1", if_absent=True)


# Faults that do not pass


@pytest.mark.parametrize(
    "fault", [SLOW_DOWN, s3_error("InternalError"), Status(503), Reset(), LoseAnswer()]
)
def test_what_does_not_pass_is_unavailable(bad: Bad, fault: Fault) -> None:
    bad.storage.put("k", b"old")
    bad.during(always(fault))
    calls: dict[str, Callable[[], Any]] = {
        "stat": lambda: bad.impatient.stat("k"),
        "get": lambda: bad.impatient.read("k"),
        "list": lambda: list(bad.impatient.objects()),
        "delete": lambda: bad.impatient.delete("gone"),
        "delete_many": lambda: bad.impatient.delete_many(["gone", "away"]),
        "put": lambda: bad.impatient.put("new", b"1"),
        "large put": lambda: bad.impatient.put("large", bytes_of(6 * MIB), size=6 * MIB),
    }
    ended = {name: outcome(call) for name, call in calls.items()}
    reads = {"stat": "Unavailable", "get": "Unavailable", "list": "Unavailable"}
    assert {name: ended[name] for name in reads} == reads
    assert set(ended.values()) <= {"Unavailable", "Unknown"}
    bad.during(None)
    assert bad.place.read("k") == b"old"
    assert set(bad.place.listed()) <= ({"k", "new"} if fault == LoseAnswer() else {"k"})


@pytest.mark.parametrize("fault", [Reset(), LoseAnswer(), CutRequest(0.5)])
def test_a_lost_put_is_unknown(bad: Bad, fault: Fault) -> None:
    bad.during(always(fault, method="PUT"))
    with pytest.raises(Unknown):
        bad.impatient.put("k", b"1" * 1000)
    assert bad.place.listed() == (["k"] if fault == LoseAnswer() else [])


def test_an_upload_that_fails_for_good_is_aborted(bad: Bad, connect: Connect) -> None:
    """The abort is tried again as every request is: moto fails at it now and then.

    (It goes through the parts while another one arrives, and answers 500.)
    """
    options = {"endpoint_url": bad.proxy.url, "part_size": PART, "stale_upload_age": 0}
    storage = ObjectStorage(
        connect(bad.place, **options, retry_timeout=2), clock=SystemClock(), retry=ONCE
    )
    assert storage.capabilities.exclusive_put  # is tried out before anything goes wrong
    bad.during(always(SLOW_DOWN, method="PUT", target="partNumber=2"))
    data = bytes_of(16 * MIB)
    ended = outcome(lambda: storage.put("large", Once(data), size=len(data)))
    assert ended in ("Unavailable", "Unknown")
    assert bad.proxy.log.count("DELETE", "uploadId=") >= 1
    assert (bad.place.listed(), bad.place.uploads()) == ([], [])


class Failing(Once):
    """A source that breaks off."""

    def read(self, size: int = -1, /) -> bytes:
        if data := super().read(size):
            return data
        raise RuntimeError("the source broke off")


def test_what_the_source_raised_comes_out_where_the_abort_fails_too(
    bad: Bad, caplog: pytest.LogCaptureFixture
) -> None:
    bad.during(always(SLOW_DOWN, method="DELETE"))
    with pytest.raises(RuntimeError, match="the source broke off"):
        bad.impatient.put("large", Failing(bytes_of(11 * MIB)), size=12 * MIB)
    assert bad.proxy.log.count("DELETE", faulty=True) >= 1
    assert "stays until it is swept" in caplog.text
    assert bad.place.listed() == []


def test_what_is_tried_out_survives(bad: Bad, connect: Connect) -> None:
    """The first operation asks what the server can do, and has as much patience as any other."""
    driver = connect(bad.place, endpoint_url=bad.proxy.url, stale_upload_age=0)
    bad.during(first(1, CUT, method="GET"))
    ObjectStorage(driver, clock=SystemClock()).put("k", b"1")
    assert bad.place.read("k") == b"1"


@pytest.mark.parametrize("fault", [Reset(), LoseAnswer(), Status(502)])
def test_a_fault_is_not_taken_for_an_inability(bad: Bad, connect: Connect, fault: Fault) -> None:
    """The third request that writes finds out whether exclusive puts are possible, once for all."""
    driver = connect(bad.place, endpoint_url=bad.proxy.url, retry_timeout=0)
    bad.during(nth(3, fault, method="PUT"))
    try:
        exclusive = driver.capabilities.exclusive_put
    except Unavailable:
        exclusive = driver.capabilities.exclusive_put
    assert exclusive
