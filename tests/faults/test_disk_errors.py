"""A full disk, and one that cannot synchronise: nothing false is acknowledged, and it goes on afterwards."""

from __future__ import annotations

import errno
import logging
import os
import random
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

import ostler_posix.durability
from ostler.clock import SystemClock
from ostler.datamanager import Datamanager, Options, Put
from ostler.errors import Error, Unavailable, Unknown
from ostler.kv import KeyValueStore
from ostler.ost import ObjectStorage
from ostler.retry import RetryPolicy
from ostler_posix.driver import PosixStorage
from ostler_posix.settings import PosixSettings
from ostler_sqlite.driver import open_driver
from ostler_sqlite.settings import SqliteSettings

from ..support import require

SEED = 20260605
CLOCK = SystemClock()
OPTIONS = Options(commit_budget=0.2, grace=0.0, file_size=64 << 10)
IMPATIENT = RetryPolicy(attempts=2, first=0.001)


class Suspect(PosixStorage):
    """Remembers what could not be made durable: the kernel may have dropped it, whatever it says later."""

    def __init__(self, settings: PosixSettings) -> None:
        super().__init__(settings)
        self.dropped: set[str] = set()

    def persist(self, keys: Sequence[str]) -> None:
        try:
            super().persist(keys)
        except Error:
            self.dropped.update(keys)
            raise


@contextmanager
def opened(storage: Path, kv: Path, driver: PosixStorage | None = None) -> Iterator[Datamanager]:
    driver = driver or PosixStorage(PosixSettings(path=str(storage)))
    store = open_driver(SqliteSettings(path=str(kv / "store.sqlite")))
    with (
        closing(ObjectStorage(driver, clock=CLOCK, retry=IMPATIENT)) as ost,
        closing(KeyValueStore(store, clock=CLOCK)) as kv_store,
        closing(
            Datamanager(ost, kv_store, types=("entry",), clock=CLOCK, options=OPTIONS)
        ) as database,
    ):
        database.open()
        yield database


class Small:
    """A small file system, and what fills it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def fill(self, leave: int = 0) -> None:
        """Take all the room there is but ``leave`` bytes."""
        with suppress(OSError), self._ballast.open("ab", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        os.truncate(self._ballast, self._ballast.stat().st_size - leave)

    def make_room(self) -> None:
        self._ballast.unlink(missing_ok=True)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Small]:
    path = tmp_path / "small"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        require("mount", str(error))
    if done.returncode:
        require("mount", f"nothing can be mounted here: {done.stderr.strip()}")
    try:
        yield Small(path)
    finally:
        subprocess.run(["umount", str(path)], check=True)


def entries(database: Datamanager) -> dict[str, bytes]:
    assert list(database.verify()) == []
    return dict(database.scan("entry"))


class TestNoRoom:
    @pytest.mark.parametrize("kv_too", [False, True], ids=["storage", "storage and store"])
    def test_commit(self, small: Small, tmp_path: Path, kv_too: bool) -> None:
        storage, kv = small.path / "storage", (small.path if kv_too else tmp_path) / "kv"
        data = random.Random(SEED).randbytes(9000)
        with opened(storage, kv) as database:
            database.commit([Put("entry", "before", data)])
            small.fill()
            with pytest.raises(Unavailable, match="make room") as caught:
                database.commit([Put("entry", "full", data)])
            assert caught.value.code == "no_space"
            assert not isinstance(caught.value, Unknown)
            assert entries(database) == {"before": data}
            small.make_room()
            database.commit([Put("entry", "after", data)])
            assert entries(database) == {"before": data, "after": data}
        with opened(storage, kv) as database:
            assert entries(database) == {"before": data, "after": data}

    def test_checkpoint(self, small: Small, tmp_path: Path) -> None:
        storage, chance = small.path / "storage", random.Random(SEED)
        expected = {f"{number:03}": chance.randbytes(9000) for number in range(100)}
        with opened(storage, tmp_path / "kv") as database:
            for name, data in expected.items():
                database.commit([Put("entry", name, data)])
            small.fill(leave=300_000)
            for _ in range(3):
                with pytest.raises(Unavailable, match="make room"):
                    database.checkpoint()
            named = database._log.state.manifest.files()
            found = {info.key for info in database._ost.objects("data/")}
            assert found == set(named), "what a failed checkpoint wrote takes the room that is left"
            small.make_room()
            database.checkpoint()
            assert entries(database) == expected
        with opened(storage, tmp_path / "kv") as database:
            assert database.status().log_bytes == 0
            assert entries(database) == expected

    def test_many_writers_while_room_comes_and_goes(self, small: Small, tmp_path: Path) -> None:
        storage, done, refused = small.path / "storage", {}, {}
        with opened(storage, tmp_path / "kv") as database:

            def write(writer: int) -> None:
                chance = random.Random(SEED + writer)
                for number in range(30):
                    name, data = f"{writer}-{number}", chance.randbytes(chance.randrange(20_000))
                    try:
                        database.commit([Put("entry", name, data)])
                    except Unavailable as error:
                        refused[name] = error
                    else:
                        done[name] = data

            threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):
                small.fill()
                threads[0].join(0.02)
                small.make_room()
                with suppress(Unavailable):
                    database.checkpoint()
                    database.collect()
            assert {error.code for error in refused.values()} <= {"no_space"}
            assert len(done) + len(refused) == 120
            assert entries(database) == done
        with opened(storage, tmp_path / "kv") as database:
            assert entries(database) == done

    def test_only_the_store(
        self, small: Small, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        with opened(tmp_path / "storage", small.path / "kv") as database:
            database.start()
            database.commit([Put("entry", "before", b"")])
            small.fill()
            with caplog.at_level(logging.WARNING):
                for number in range(200):
                    database.commit([Put("entry", f"{number}", bytes(100))])
                threading.Event().wait(0.3)  # a time in which it could talk without end
            told = [record for record in caplog.records if "key-value store" in record.message]
            assert len(told) < 100
            assert len(entries(database)) == 201
            small.make_room()
            database.commit([Put("entry", "after", b"")])
        with opened(tmp_path / "storage", small.path / "kv") as database:
            assert database.status().published == database.status().commit
            assert len(entries(database)) == 202


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Let system calls of the posix driver fail: ``failing(names, fails)``; without a name: none."""
    real = {name: getattr(os, name) for name in ("fsync", "fdatasync")}
    whole = ostler_posix.durability.synchronise_file_system

    def start(*names: str, fails: Callable[[], bool] = lambda: True) -> None:
        def wrapped(name: str, call: Callable[..., object]) -> Callable[..., object]:
            def called(argument: object) -> object:
                if name in names and fails():
                    raise OSError(errno.EIO, os.strerror(errno.EIO))
                return call(argument)

            return called

        for name, call in real.items():
            monkeypatch.setattr(os, name, wrapped(name, call))
        monkeypatch.setattr(
            ostler_posix.durability, "synchronise_file_system", wrapped("syncfs", whole)
        )

    return start


class TestUnableToSynchronise:
    def test_the_content(self, tmp_path: Path, failing: Callable[..., None]) -> None:
        storage, kv = tmp_path / "storage", tmp_path / "kv"
        with opened(storage, kv) as database:
            database.commit([Put("entry", "before", b"1")])
            failing("fdatasync")
            with pytest.raises(Unavailable, match="synchronise the object"):
                database.commit([Put("entry", "sick", b"2")])
            assert entries(database) == {"before": b"1"}
            failing()
            database.commit([Put("entry", "after", b"3")])
            assert entries(database) == {"before": b"1", "after": b"3"}
        with opened(storage, kv) as database:
            assert entries(database) == {"before": b"1", "after": b"3"}

    @pytest.mark.parametrize("seen", [False, True], ids=["alone", "while others read"])
    def test_the_name(self, tmp_path: Path, failing: Callable[..., None], seen: bool) -> None:
        storage, kv = tmp_path / "storage", tmp_path / "kv"
        with opened(storage, kv) as database:
            database.commit([Put("entry", "before", b"1")])

            def fails() -> bool:
                if seen:
                    database.sync()  # takes the commit in, of which the name is not durable
                return True

            failing("fsync", fails=fails)
            with pytest.raises(Unknown, match="cannot synchronise"):
                database.commit([Put("entry", "sick", b"2")])
            failing()
            database.commit([Put("entry", "after", b"3")])
            assert entries(database) == {"before": b"1", "sick": b"2", "after": b"3"}
        with opened(storage, kv) as database:
            assert entries(database) == {"before": b"1", "sick": b"2", "after": b"3"}

    def test_data_files(self, tmp_path: Path, failing: Callable[..., None]) -> None:
        """What was not synchronised once is lost for good: the kernel calls its pages clean."""
        storage, kv = tmp_path / "storage", tmp_path / "kv"
        driver = Suspect(PosixSettings(path=str(storage)))
        expected = {f"{number:03}": random.Random(number).randbytes(2000) for number in range(100)}
        times = iter([True])
        with opened(storage, kv, driver) as database:
            database.commit([Put("entry", name, data) for name, data in expected.items()])
            failing("syncfs", "fdatasync", fails=lambda: next(times, False))
            with pytest.raises(Unavailable, match="synchronise"):
                database.checkpoint()
            database.checkpoint()
            assert len(database._log.state.manifest.files()) > 1
        for key in driver.dropped:
            with suppress(FileNotFoundError):
                os.truncate(storage / key, 0)
        with opened(storage, kv) as database:
            assert entries(database) == expected

    def test_many_writers_while_it_comes_and_goes(
        self, tmp_path: Path, failing: Callable[..., None]
    ) -> None:
        storage, kv, chance = tmp_path / "storage", tmp_path / "kv", random.Random(SEED)
        done: dict[str, bytes] = {}
        begun: dict[str, bytes] = {}
        with opened(storage, kv) as database:
            failing("fsync", "fdatasync", "syncfs", fails=lambda: chance.random() < 0.2)

            def write(writer: int) -> None:
                for number in range(25):
                    name, data = f"{writer}-{number}", f"{writer} {number}".encode()
                    begun[name] = data
                    with suppress(Unavailable):
                        database.commit([Put("entry", name, data)])
                        done[name] = data

            threads = [threading.Thread(target=write, args=(writer,)) for writer in range(3)]
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):
                with suppress(Unavailable):
                    database.checkpoint()
                    database.collect()
                threads[0].join(0.01)
            failing()
            database.checkpoint()
            found = entries(database)
        assert len(done) > 20
        assert done.items() <= found.items() <= begun.items()
        with opened(storage, kv) as database:
            assert entries(database) == found
