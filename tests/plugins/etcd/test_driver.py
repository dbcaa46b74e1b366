from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from ostler.errors import BadRequest, Conflict, Internal, Unavailable
from ostler.spi import Compare, Delete, Put, Target
from ostler_etcd.driver import EtcdDriver

from ...etcd_server import EtcdServer
from .conftest import OpenDriver, StartServer
from .steps import DEADLINE, put


def keys(driver: EtcdDriver) -> list[str]:
    return [item.key for item in driver.list("", start_after="", limit=100, revision=0).items]


def test_begins_at_revision_one(start_server: StartServer, connect: OpenDriver) -> None:
    driver = connect(start_server().endpoint)
    page = driver.list("", start_after="", limit=1, revision=0)
    assert (page.revision, page.items, page.more) == (1, (), False)
    driver.compact(1)


@pytest.mark.parametrize("prefix", ["", "/a/"])
def test_empty_prefix_is_all_keys(
    prefix: str, start_server: StartServer, connect: OpenDriver
) -> None:
    driver = connect(start_server().endpoint, prefix=prefix)
    all_of_them = ["\x01", "k", "\U0010ffff"]
    driver.txn([], [Put(key, b"") for key in all_of_them], [])
    assert keys(driver) == all_of_them
    page = driver.list("", start_after="k", limit=9, revision=0)
    assert [item.key for item in page.items] == ["\U0010ffff"]
    with driver.watch("", 0) as watch:
        driver.txn([], [Delete("", prefix=True)], [])
        assert sorted(event.key for event in watch.next(DEADLINE)) == all_of_them
    assert keys(driver) == []


def test_prefixes_do_not_see_each_other(server: EtcdServer, connect: OpenDriver) -> None:
    one, other = connect(server.endpoint, prefix="/1/"), connect(server.endpoint, prefix="/2/")
    with other.watch("", 0) as watch:
        put(one, "k", b"1")
        revision = put(other, "k", b"2")
        assert [event.revision for event in watch.next(DEADLINE)] == [revision]
    one.txn([], [Delete("", prefix=True)], [])
    assert (keys(one), keys(other)) == ([], ["k"])


def test_key_of_another_program_is_told(server: EtcdServer, connect: OpenDriver) -> None:
    server.call("kv/put", key=b"/foreign/\xff", value=b"")
    with pytest.raises(Internal, match="prefix of its own"):
        connect(server.endpoint, prefix="/foreign/").list("", start_after="", limit=9, revision=0)


def test_largest_value(driver: EtcdDriver) -> None:
    most = driver.capabilities.max_value_size
    assert most is not None
    key = "k" * 512
    put(driver, key, b"x" * most)
    item = driver.get(key)
    assert item is not None
    assert len(item.value) == most
    for size in (most + 8192, 3 << 20):
        with pytest.raises(BadRequest, match="--max-request-bytes"):
            put(driver, key, b"x" * size)


def test_most_operations(driver: EtcdDriver) -> None:
    most = driver.capabilities.max_operations
    assert most == 128
    absent = [Compare("absent", Target.VERSION, 0)]
    assert driver.txn(absent, [Put(f"{n}", b"") for n in range(most)], []).succeeded
    with pytest.raises(BadRequest, match="--max-txn-ops"):
        driver.txn([], [Put(f"{n}", b"") for n in range(most + 1)], [])


def test_listing_larger_than_grpc_allows_by_default(driver: EtcdDriver) -> None:
    for number in range(6):
        put(driver, f"large/{number}", b"x" * (1 << 20))
    page = driver.list("large/", start_after="", limit=10, revision=0)
    assert sum(len(item.value) for item in page.items) == 6 << 20


def test_full_server_says_what_to_do(start_server: StartServer, connect: OpenDriver) -> None:
    driver = connect(start_server(arguments=["--quota-backend-bytes=400000"]).endpoint)

    def fill() -> None:
        for number in range(100):
            put(driver, f"{number}", b"x" * 100_000)

    with pytest.raises(Unavailable, match="alarm disarm"):
        fill()


def test_no_thread_runs_until_something_is_watched(driver: EtcdDriver) -> None:
    before = threading.active_count()
    put(driver, "k")
    driver.list("", start_after="", limit=1, revision=0)
    assert threading.active_count() == before
    watch = driver.watch("k", 0)
    assert threading.active_count() == before + 1
    reader = next(each for each in threading.enumerate() if each.name == "etcd-watch")
    watch.close()
    reader.join(DEADLINE)
    assert not reader.is_alive()


def test_slow_reader_misses_nothing(driver: EtcdDriver) -> None:
    with driver.watch("slow", 0) as watch:
        revisions = [put(driver, "slow") for _ in range(300)]
        told: list[int] = []
        while len(told) < 300:
            events = watch.next(DEADLINE)
            assert events
            told.extend(event.revision for event in events)
    assert told == revisions


def test_after_close_every_call_says_so(driver: EtcdDriver) -> None:
    put(driver, "k")
    watch = driver.watch("k", 0)
    driver.close()
    driver.close()
    calls: list[Callable[[], object]] = [
        lambda: driver.get("k"),
        lambda: driver.list("", start_after="", limit=1, revision=0),
        lambda: put(driver, "k"),
        lambda: driver.watch("", 0),
        lambda: driver.grant(10),
    ]
    for call in calls:
        with pytest.raises(Conflict) as caught:
            call()
        assert caught.value.code == "closed"
    assert watch.next(DEADLINE) == ()


FORK = """
import os, sys
from ostler.errors import Internal
from ostler.spi import Put
from ostler_etcd.driver import open_driver
from ostler_etcd.settings import EtcdSettings

driver = open_driver(EtcdSettings(endpoints=(sys.argv[1],)))
write = lambda: driver.txn([], [Put("forked", b"")], [])
write()
watch = driver.watch("k", 0)
child = os.fork()
if not child:
    for call in (lambda: driver.get("forked"), write, watch.next):
        try:
            call()
        except Internal as error:
            print(error.code, flush=True)
    driver.close()
    os._exit(0)
os.waitpid(child, 0)
print(driver.get("forked").version)
driver.close()
"""


def test_use_after_fork_is_told(server: EtcdServer) -> None:
    # In a process of its own: this one has threads, and Python warns of forking it.
    command = [sys.executable, "-W", "ignore", "-c", FORK, server.endpoint]
    told = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=True)
    assert told.stdout.split() == ["forked", "forked", "forked", "1"]


def test_many_threads(driver: EtcdDriver) -> None:
    revisions: list[int] = []

    def work(number: int) -> None:
        revisions.extend(put(driver, f"many/{number}") for _ in range(20))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    assert len(set(revisions)) == 640
