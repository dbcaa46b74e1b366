"""Several real processes on one file."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ostler.errors import Internal
from ostler.spi import Put
from ostler_sqlite import creation
from ostler_sqlite.driver import SqliteDriver
from ostler_sqlite.schema import SCHEMA

WORKER = Path(__file__).with_name("worker.py")
OpenStore = Callable[..., SqliteDriver]
Spawn = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def spawn(path: str) -> Iterator[Spawn]:
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(WORKER), path, *arguments]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def told(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout is not None
    return process.stdout.readline().split()


def test_another_process_learns_within_50_ms(driver: SqliteDriver, spawn: Spawn) -> None:
    watcher = spawn("watch")
    assert told(watcher) == ["ready"]
    latencies = []
    for _ in range(20):
        began = time.monotonic()
        revision = driver.txn([], [Put("watched", b"")], []).revision
        seen, moment = told(watcher)
        assert int(seen) == revision
        latencies.append(float(moment) - began)
    assert statistics.median(latencies) < 0.05


def test_idle_watcher_uses_no_processor(driver: SqliteDriver, spawn: Spawn) -> None:
    seconds = 2.0
    used = float(told(spawn("idle", str(seconds)))[0])
    assert used / seconds < 0.02


def test_processes_lose_no_increment(driver: SqliteDriver, spawn: Spawn) -> None:
    driver.txn([], [Put("counter", b"0")], [])
    workers = [spawn("increment", "50") for _ in range(4)]
    assert [worker.wait(30) for worker in workers] == [0] * 4
    item = driver.get("counter")
    assert item is not None
    assert (item.value, item.version) == (b"200", 201)


def test_lease_of_a_killed_process_runs_out(driver: SqliteDriver, spawn: Spawn) -> None:
    holder = spawn("lease", "1")
    assert told(holder) == ["held"]
    with driver.watch("held", 0) as watch:
        holder.send_signal(signal.SIGKILL)
        (event,) = watch.next(10)
    assert (event.key, event.value) == ("held", None)


@pytest.mark.parametrize("lines", [1, 40, 150])
def test_killed_writer_loses_nothing_acknowledged(
    lines: int, open_store: OpenStore, spawn: Spawn
) -> None:
    writer = spawn("write")
    for _ in range(lines):
        told(writer)
    writer.send_signal(signal.SIGKILL)
    assert writer.stdout is not None
    acknowledged = lines + 1 + len(writer.stdout.read().splitlines())

    driver = open_store()
    page = driver.list("all/", start_after="", limit=10_000, revision=0)
    assert page.revision >= acknowledged
    assert [item.mod_revision for item in page.items] == list(range(2, page.revision + 1))
    newest = driver.get("newest")
    assert newest is not None
    assert newest.mod_revision == page.revision

    with driver.watch("all/", page.revision) as watch:
        assert [event.revision for event in watch.next(5)] == [page.revision]
        revision = driver.txn([], [Put("all/more", b"")], []).revision
        assert [event.revision for event in watch.next(5)] == [revision]
    assert revision == page.revision + 1


def test_sockets_of_the_dead_are_swept_away(driver: SqliteDriver, spawn: Spawn, path: str) -> None:
    watcher = spawn("watch")
    assert told(watcher) == ["ready"]
    assert len(os.listdir(f"{path}-peers")) == 1
    watcher.kill()
    watcher.wait()
    driver.txn([], [Put("k", b"")], [])
    assert os.listdir(f"{path}-peers") == []


def test_the_tables_of_another_process_come_at_any_moment(
    path: str, open_store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Overtaken(sqlite3.Connection):
        def execute(self, statement: str, *arguments: Any) -> sqlite3.Cursor:
            if statement == "PRAGMA user_version" and not made:
                made.append(1)
                with contextlib.suppress(sqlite3.OperationalError):  # it has to wait
                    other = sqlite3.connect(path, timeout=0, isolation_level=None)
                    with contextlib.closing(other):
                        other.execute("BEGIN IMMEDIATE")
                        for each in SCHEMA:
                            other.execute(each)
                        other.execute("COMMIT")
            return super().execute(statement, *arguments)

    made: list[int] = []
    real = functools.partial(sqlite3.connect, isolation_level=None, factory=Overtaken)
    monkeypatch.setattr(creation, "connect", lambda path, timeout: real(path, timeout=timeout))
    assert open_store().get("key") is None
    assert made == [1]


def test_use_after_fork_is_told(driver: SqliteDriver) -> None:
    driver.txn([], [Put("k", b"1")], [])
    watch = driver.watch("k", 0)
    calls = [lambda: driver.get("k"), lambda: driver.txn([], [Put("k", b"2")], []), watch.next]
    read_end, write_end = os.pipe()
    child = os.fork()
    if not child:
        try:
            for call in calls:
                os.write(write_end, outcome(call))
            driver.close()
        finally:
            os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as answer:
        assert answer.read() == "forked forked forked "
    os.waitpid(child, 0)
    item = driver.get("k")
    assert item is not None
    assert item.value == b"1"


def outcome(call: Callable[[], object]) -> bytes:
    try:
        return repr(call()).encode()
    except Internal as error:
        return f"{error.code} ".encode()
