"""A database in memory, small enough that everything happens in it."""

from __future__ import annotations

from pathlib import Path

from ostler.clock import SystemClock
from ostler.datamanager import Datamanager, Options, Put
from ostler.kv import KeyValueStore
from ostler.ost import ObjectStorage
from ostler_sqlite.driver import open_driver
from ostler_sqlite.settings import SqliteSettings

from .files_support import memory_storage

CLOCK = SystemClock()
TYPES = ("a", "b")


class Opened:
    """A storage, a store and a database on them."""

    def __init__(self, directory: Path, ost: ObjectStorage | None = None) -> None:
        self.ost = ost or memory_storage()
        directory.mkdir(exist_ok=True)
        driver = open_driver(SqliteSettings(path=str(directory / "kv.db")))
        self.kv = KeyValueStore(driver, clock=CLOCK)
        self.database = Datamanager(
            self.ost, self.kv, types=TYPES, clock=CLOCK, options=Options(file_size=1 << 16)
        )
        self.database.open()

    def put(self, *ids: str, type: str = "a", data: bytes = b"x") -> int:
        return self.database.commit([Put(type, name, data) for name in ids])

    def keys(self, prefix: str) -> list[str]:
        return [info.key for info in self.ost.objects(prefix)]

    def damage(self, key: str) -> None:
        data = bytearray(self.ost.read(key))
        data[len(data) // 2] ^= 1
        self.ost.put(key, bytes(data))

    def close(self) -> None:
        self.database.close()
        self.kv.close()
