"""Compaction by an operator, and servers that were set back, under open watches."""

from __future__ import annotations

from pathlib import Path

import pytest

from ostler.errors import Compacted, Unavailable
from ostler.spi import Delete

from .conftest import OpenDriver, StartServer
from .steps import DEADLINE, following, patiently, put


def test_compaction_leaves_an_open_watch_alone(
    start_server: StartServer, connect: OpenDriver
) -> None:
    server = start_server()
    driver = connect(server.endpoint)
    with driver.watch("k", 0) as watch:
        put(driver, "k")
        assert len(watch.next(DEADLINE)) == 1
        server.compact(put(driver, "other"))
        revision = put(driver, "k")
        assert [event.revision for event in watch.next(DEADLINE)] == [revision]


def test_watch_that_comes_back_after_compaction(
    start_server: StartServer, connect: OpenDriver
) -> None:
    server = start_server()
    driver = connect(server.endpoint)
    with driver.watch("k", 0) as watch:
        put(driver, "k")
        assert len(watch.next(DEADLINE)) == 1
        server.kill()
        with pytest.raises(Unavailable):
            watch.next(DEADLINE)
        server.start()
        put(driver, "k")
        server.compact(put(driver, "k"))
        with pytest.raises(Compacted, match="list again"):
            following(watch)
        with pytest.raises(Compacted):
            following(watch)


def test_deletion_at_the_compacted_revision_is_not_passed_over(
    start_server: StartServer, connect: OpenDriver
) -> None:
    """This etcd forgets it; so a watch that would miss it says that it is gone."""
    server = start_server()
    driver = connect(server.endpoint)
    put(driver, "k")
    revision = driver.txn([], [Delete("k")], []).revision
    server.compact(revision)
    with driver.watch("k", revision) as watch, pytest.raises(Compacted):
        watch.next(DEADLINE)


def test_watch_from_the_next_revision_is_served_whatever_was_compacted(
    start_server: StartServer, connect: OpenDriver
) -> None:
    server = start_server()
    driver = connect(server.endpoint)
    revision = put(driver, "k")
    server.compact(revision)
    with driver.watch("k", revision + 1) as watch:
        assert watch.next(0.05) == ()
        put(driver, "k")
        assert [event.revision for event in watch.next(DEADLINE)] == [revision + 1]


def test_compacting_what_an_operator_has_compacted(
    start_server: StartServer, connect: OpenDriver
) -> None:
    server = start_server()
    driver = connect(server.endpoint)
    revision = [put(driver, "k") for _ in range(4)][-1]
    server.compact(revision)
    driver.compact(revision)
    driver.compact(revision - 2)
    assert len(driver.list("", start_after="", limit=9, revision=revision).items) == 1


@pytest.mark.parametrize("way", ["backup", "wiped"])
def test_server_that_was_set_back(
    way: str, start_server: StartServer, connect: OpenDriver, tmp_path: Path
) -> None:
    """Waiting for a revision that will mean something else would be waiting in vain."""
    server = start_server()
    driver = connect(server.endpoint)
    with driver.watch("k", 0) as watch:
        revision = put(driver, "k")
        server.stop()
        server.copy_data(tmp_path / "aside")
        server.start()
        while following(watch)[-1].revision < revision + 5:
            patiently(lambda: put(driver, "k"))
        server.stop()
        if way == "wiped":
            server.wipe()
        else:
            server.put_data_back(tmp_path / "aside")
        server.start()
        for _ in range(2):
            with pytest.raises(Compacted, match="restored"):
                following(watch)
