from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ostler.clock import SystemClock
from ostler.datamanager import Datamanager, Delete, Put
from ostler.kv import KeyValueStore
from ostler.ost import ObjectStorage
from ostler.runs.model import Phase, Result, Run
from ostler.services.runservice import TYPES, RunIndex, Selection, entries
from ostler.services.runservice.index import runs as module
from ostler_memory.driver import MemorySettings, MemoryStorage
from ostler_sqlite.driver import open_driver
from ostler_sqlite.settings import SqliteSettings

CLOCK = SystemClock()
GROUPS = ["/project/a", "/project/a/run/x", "/project/a/run/xy", "/project/ab", "/project/a0"]


class World:
    def __init__(self, directory: Path) -> None:
        driver = open_driver(SqliteSettings(path=str(directory / "kv.db")))
        self.kv = KeyValueStore(driver, clock=CLOCK)
        self.ost = ObjectStorage(MemoryStorage(MemorySettings()), clock=CLOCK)
        self.directory = directory / "index"
        self.datamanager = Datamanager(self.ost, self.kv, types=TYPES, clock=CLOCK)
        self.datamanager.open()
        self.index = RunIndex(self.datamanager, self.directory)
        self.filled = 0

    def put(self, *runs: Run) -> None:
        self.datamanager.commit([Put("run", run.id, entries.encode_run(run)) for run in runs])

    def ids(self, index: RunIndex | None = None) -> list[str]:
        return [run.id for run in (index or self.index).select(Selection())]

    @property
    def file(self) -> Path:
        (found,) = self.directory.glob("*.db")
        return found

    def close(self) -> None:
        self.datamanager.close()
        self.kv.close()
        self.ost.close()


@contextmanager
def opened(directory: Path) -> Iterator[World]:
    world = World(directory)
    yield world
    world.close()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with opened(tmp_path) as made:
        fill = module.fill

        def counted(*args: Any) -> None:
            made.filled += 1
            fill(*args)

        monkeypatch.setattr(module, "fill", counted)
        yield made


def archived(number: int, **more: Any) -> Run:
    return Run(
        id=f"{number:04d}",
        config_id=f"c{number}",
        name="r",
        counter=number,
        group="/project/a",
        phase=Phase.FINISHED,
        result=Result.SUCCESS,
        archived=True,
        **more,
    )


def test_it_follows_what_is_committed_without_being_made_anew(world: World) -> None:
    world.put(archived(1), archived(2))
    assert world.ids() == ["0002", "0001"]
    world.put(archived(3))
    world.datamanager.commit([Delete("run", "0001"), Put("runcounter", "x", b"1")])
    assert world.ids() == ["0003", "0002"]
    world.datamanager.checkpoint()
    assert world.ids() == ["0003", "0002"]
    world.put(replace(archived(2), result=Result.FAILED))
    world.datamanager.checkpoint()
    world.put(archived(4))
    assert world.ids() == ["0004", "0003", "0002"]
    assert [run.id for run in world.index.select(Selection(result=Result.FAILED))] == ["0002"]
    assert world.index.referring("c2") == {"0002"}
    assert world.filled == 1


def test_it_is_made_anew_when_it_is_absent(world: World) -> None:
    world.put(archived(1))
    assert world.ids() == ["0001"]
    world.file.unlink()
    assert world.ids() == ["0001"]
    assert world.filled == 2


def test_it_is_made_anew_when_the_log_no_longer_tells_what_followed(world: World) -> None:
    world.put(archived(1))
    assert world.ids() == ["0001"]
    world.put(archived(2))
    world.datamanager.checkpoint()
    world.ost.delete_many([info.key for info in world.ost.objects("wal/")])
    assert world.ids() == ["0002", "0001"]
    assert world.filled == 2


def test_an_index_of_another_history_of_the_same_database_is_not_believed(
    world: World, tmp_path: Path
) -> None:
    world.put(archived(1))
    saved = {info.key: world.ost.read(info.key) for info in world.ost.objects("")}
    world.put(archived(2))
    assert world.ids() == ["0002", "0001"]
    world.datamanager.close()
    for info in list(world.ost.objects("")):
        world.ost.delete(info.key)
    for key, data in saved.items():
        world.ost.put(key, data)
    world.kv.delete("datamanager/head")
    world.datamanager = Datamanager(world.ost, world.kv, types=TYPES, clock=CLOCK)
    world.datamanager.open()
    assert world.ids(RunIndex(world.datamanager, world.directory)) == ["0001"]
    world.put(archived(3))
    world.put(archived(4))
    assert world.ids(RunIndex(world.datamanager, world.directory)) == ["0004", "0003", "0001"]


@pytest.mark.parametrize("place", [0, 20, 0.3, 0.6, 0.9, -1])
def test_any_damage_of_its_file_is_seen(world: World, place: float) -> None:
    world.put(*(archived(number, annotations={"k": f"v{number}"}) for number in range(300)))
    expected = world.ids()
    data = bytearray(world.file.read_bytes())
    at = int(place * len(data)) if 0 < place < 1 else int(place)
    data[at] ^= 1
    world.file.write_bytes(data)
    assert world.ids() == expected
    assert world.filled == 2


@pytest.mark.parametrize("left", [b"", b"no database at all" * 500])
def test_a_file_of_something_else_is_replaced(world: World, left: bytes) -> None:
    world.put(archived(1))
    world.ids()
    world.file.write_bytes(left)
    assert world.ids() == ["0001"]


def test_a_database_without_our_tables_is_replaced(world: World) -> None:
    import sqlite3

    world.put(archived(1))
    world.ids()
    file = module.IndexFile(world.file)
    with file.locked():
        connection = sqlite3.connect(world.file)
        connection.execute("DROP TABLE runs")
        connection.commit()
        connection.close()
        file.leave()
    assert world.ids() == ["0001"]


def test_a_process_that_died_while_it_wrote_leaves_nothing_that_is_believed(world: World) -> None:
    import sqlite3

    world.put(archived(1))
    world.ids()
    connection = sqlite3.connect(world.file, isolation_level=None)
    connection.execute("DELETE FROM runs")
    connection.close()
    assert world.ids() == ["0001"]
    assert world.filled == 2


def test_where_no_file_can_be_it_answers_all_the_same(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world.put(archived(1))
    (tmp_path / "taken").touch()
    assert world.ids(RunIndex(world.datamanager, tmp_path / "taken" / "index")) == ["0001"]
    assert "slow" in caplog.text


def test_many_threads_use_one_file(world: World) -> None:
    indexes = [RunIndex(world.datamanager, world.directory) for _ in range(4)]
    failed: list[BaseException] = []

    def work(index: RunIndex, first: int) -> None:
        try:
            for number in range(first, first + 8):
                world.put(archived(number))
                assert f"{number:04d}" in world.ids(index)
        except BaseException as error:
            failed.append(error)

    threads = [
        threading.Thread(target=work, args=(index, 100 * number))
        for number, index in enumerate(indexes)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(world.ids()) == 32


RUNS = st.builds(
    archived,
    st.integers(0, 40),
).flatmap(
    lambda run: st.builds(
        replace,
        st.just(run),
        group=st.sampled_from(GROUPS),
        phase=st.sampled_from(Phase),
        result=st.sampled_from(Result),
        annotations=st.dictionaries(st.sampled_from("ab"), st.sampled_from(["", "1", "2"])),
    )
)
SELECTIONS = st.builds(
    Selection,
    group=st.sampled_from(["", "/", "/project", "/project/", "/pro", *GROUPS]),
    phase=st.none() | st.sampled_from(Phase),
    result=st.none() | st.sampled_from(Result),
    annotations=st.dictionaries(st.sampled_from("ab"), st.none() | st.sampled_from(["", "1", "2"])),
    after=st.sampled_from(["", "0020", "0035x"]),
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(st.lists(RUNS, min_size=1, max_size=8), max_size=4), wanted=SELECTIONS)
def test_a_listing_is_what_a_comprehension_says(
    tmp_path_factory: pytest.TempPathFactory, steps: list[list[Run]], wanted: Selection
) -> None:
    with opened(tmp_path_factory.mktemp("w")) as world:
        there: dict[str, Run] = {}
        for number, runs in enumerate(steps):
            world.put(*runs)
            there |= {run.id: run for run in runs}
            if number == 1:
                world.datamanager.checkpoint()
                gone = next(iter(there))
                world.datamanager.commit([Delete("run", gone)])
                del there[gone]
            if number != 2:
                world.ids()
        expected = [there[run_id] for run_id in sorted(there, reverse=True)]
        expected = [run for run in expected if wanted.takes(run)]
        assert list(world.index.select(wanted)) == expected
        assert list(world.index.select(wanted, 3)) == expected[:3]
