"""What goes wrong with servers and networks; real processes, a real proxy."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ostler.clock import SystemClock
from ostler.errors import Conflict, Unavailable, Unknown
from ostler.kv import KeyValueStore
from ostler.spi import Compare, Get, Target

from ...etcd_server import EtcdCluster, EtcdServer, free_port
from ...tcp_proxy import TcpProxy
from .conftest import OpenDriver, StartServer
from .steps import DEADLINE, following, patiently, put

IMPATIENT = {"request_timeout": 0.4, "dial_timeout": 0.4}
PINGING = {"keepalive_time": 0.3, "keepalive_timeout": 0.3}
PINGABLE = ("--grpc-keepalive-min-time=100ms",)


def test_nobody_there(connect: OpenDriver) -> None:
    address = f"127.0.0.1:{free_port()}"
    driver = connect(address, **IMPATIENT)
    for call in (lambda: driver.get("k"), lambda: put(driver, "k"), lambda: driver.watch("", 0)):
        with pytest.raises(Unavailable, match="cannot be reached") as caught:
            call()
        assert not isinstance(caught.value, Unknown), "nothing was sent"
        assert address in caught.value.message


def test_server_that_comes_later(connect: OpenDriver, etcd: None, tmp_path: Path) -> None:
    server = EtcdServer(tmp_path / "late")
    driver = connect(server.endpoint, dial_timeout=DEADLINE)
    revisions: list[int] = []
    waiting = threading.Thread(target=lambda: revisions.append(put(driver, "k")))
    waiting.start()
    with server:
        waiting.join(DEADLINE)
        assert revisions == [2]


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_restart(way: str, start_server: StartServer, connect: OpenDriver) -> None:
    server = start_server()
    driver = connect(server.endpoint)
    revision = put(driver, "k")
    with driver.watch("k", 0) as watch:
        put(driver, "k")
        assert [event.revision for event in watch.next(DEADLINE)] == [revision + 1]
        getattr(server, way)()
        server.start()
        patiently(lambda: put(driver, "other"))
        patiently(lambda: put(driver, "k"))
        present = driver.get("k")
        assert present is not None
        (event,) = following(watch)
        assert event.value == present, "nothing is left out and nothing comes twice"


def test_portable_store_rides_out_a_restart(start_server: StartServer, connect: OpenDriver) -> None:
    server = start_server()
    kv = KeyValueStore(connect(server.endpoint), clock=SystemClock())
    revision = kv.put("k", b"1")
    with kv.watch("k") as watch:
        server.kill()
        restart = threading.Thread(target=server.start)
        restart.start()
        assert kv.get("k") is not None
        assert kv.put("k", b"2") == revision + 1
        (event,) = watch.next(DEADLINE)
        restart.join()
    assert event.revision == revision + 1


def test_what_was_acknowledged_survives_a_kill(
    start_server: StartServer, connect: OpenDriver
) -> None:
    server = start_server()
    driver = connect(server.endpoint)
    acknowledged: list[int] = []
    enough = threading.Event()

    def write(number: int) -> None:
        try:
            for turn in range(100_000):
                acknowledged.append(put(driver, f"{number}/{turn}"))
                if len(acknowledged) > 200:
                    enough.set()
        except Unavailable as error:
            outcomes.append(error)

    outcomes: list[Unavailable] = []
    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    assert enough.wait(DEADLINE)
    server.kill()
    for thread in threads:
        thread.join(DEADLINE)
    assert len(outcomes) == 4
    server.start()
    kept = {
        item.mod_revision for item in driver.list("", start_after="", limit=10**6, revision=0).items
    }
    assert set(acknowledged) <= kept
    unknown = sum(isinstance(error, Unknown) for error in outcomes)
    assert len(kept) - len(acknowledged) <= unknown, "only an unknown outcome may have been applied"


def test_paused_server(start_server: StartServer, connect: OpenDriver) -> None:
    server = start_server()
    driver = connect(server.endpoint, **IMPATIENT)
    revision = put(driver, "k")
    server.pause()
    with pytest.raises(Unknown, match="may or may not have been applied"):
        put(driver, "k")
    with pytest.raises(Unavailable, match=r"in time|cannot be reached") as caught:
        driver.get("k")
    assert not isinstance(caught.value, Unknown), "nothing was to be changed"
    began = time.monotonic()
    with pytest.raises(Unavailable):
        driver.get("k")
    assert time.monotonic() - began < 3
    server.resume()
    patiently(lambda: put(driver, "k"))
    item = driver.get("k")
    assert item is not None
    assert item.mod_revision in (revision + 1, revision + 2)


def test_reading_transaction_is_never_unknown(
    start_server: StartServer, connect: OpenDriver
) -> None:
    server = start_server()
    driver = connect(server.endpoint, **IMPATIENT)
    put(driver, "k")
    server.pause()
    with pytest.raises(Unavailable) as caught:
        driver.txn([Compare("k", Target.VERSION, 1)], [Get("k")], [])
    assert type(caught.value) is Unavailable


@pytest.fixture
def proxied(start_server: StartServer) -> Iterator[tuple[EtcdServer, TcpProxy]]:
    server = start_server(arguments=PINGABLE)
    with TcpProxy(server.endpoint) as proxy:
        yield server, proxy


def test_cable_cut(proxied: tuple[EtcdServer, TcpProxy], connect: OpenDriver) -> None:
    """Nobody is told: the watch notices by its pings, a call by its deadline."""
    server, proxy = proxied
    driver, direct = connect(proxy.endpoint, **IMPATIENT, **PINGING), connect(server.endpoint)
    revision = put(driver, "k")
    with driver.watch("k", 0) as watch:
        put(direct, "k")
        assert [event.revision for event in watch.next(DEADLINE)] == [revision + 1]
        proxy.swallow()
        put(direct, "k")
        with pytest.raises(Unavailable):
            watch.next(DEADLINE)
        with pytest.raises(Unavailable):
            driver.get("k")
        proxy.heal()
        assert [event.revision for event in following(watch)] == [revision + 2]
    patiently(lambda: driver.get("k"))


def test_connection_reset(proxied: tuple[EtcdServer, TcpProxy], connect: OpenDriver) -> None:
    server, proxy = proxied
    driver, direct = connect(proxy.endpoint), connect(server.endpoint)
    revision = put(driver, "k")
    with driver.watch("k", 0) as watch:
        put(direct, "k")
        assert len(watch.next(DEADLINE)) == 1
        proxy.refuse()
        put(direct, "k")
        proxy.heal()
        assert [event.revision for event in following(watch)] == [revision + 2]
    assert driver.get("k") is not None


def test_closing_does_not_wait_for_a_server(start_server: StartServer, connect: OpenDriver) -> None:
    server = start_server()
    driver = connect(server.endpoint, request_timeout=60)
    put(driver, "k")
    watch = driver.watch("", 0)
    outcome: list[BaseException] = []

    def read() -> None:
        try:
            driver.get("k")
        except Conflict as error:
            outcome.append(error)

    server.pause()
    reading = threading.Thread(target=read)
    reading.start()
    began = time.monotonic()
    driver.close()
    assert time.monotonic() - began < 3
    reading.join(DEADLINE)
    assert [getattr(error, "code", "") for error in outcome] == ["closed"]
    assert watch.next(DEADLINE) == ()


class TestCluster:
    @pytest.fixture
    def cluster(self, etcd: None, tmp_path: Path) -> Iterator[EtcdCluster]:
        with EtcdCluster(tmp_path / "cluster") as cluster:
            yield cluster

    @pytest.mark.parametrize("way", ["kill", "pause"])
    def test_leader_lost(self, way: str, cluster: EtcdCluster, connect: OpenDriver) -> None:
        members = cluster.leader_first()
        endpoints = [member.endpoint for member in members]
        driver = connect(*endpoints, request_timeout=1)
        witness = connect(*endpoints[1:], request_timeout=1)
        revision = put(driver, "k")
        lease = driver.grant(30)
        with driver.watch("k", 0) as watch:
            getattr(members[0], way)()
            patiently(lambda: put(witness, "k"))
            patiently(lambda: put(driver, "other"))
            patiently(lambda: driver.keep_alive(lease.id))
            assert following(watch)[0].revision == revision + 1
        assert [
            item.key for item in driver.list("", start_after="", limit=9, revision=0).items
        ] == ["k", "other"]

    def test_member_without_the_others(self, cluster: EtcdCluster, connect: OpenDriver) -> None:
        """It says that it has no leader: nothing is unknown, and a watch there ends."""
        members = cluster.leader_first()
        driver = connect(members[2].endpoint, request_timeout=DEADLINE, dial_timeout=0.4)
        put(driver, "k")
        watch = driver.watch("k", 0)
        for member in members[:2]:
            member.kill()
        with pytest.raises(Unavailable):
            watch.next(DEADLINE)
        with pytest.raises(Unavailable, match="no leader") as caught:
            put(driver, "k")
        assert not isinstance(caught.value, Unknown)
