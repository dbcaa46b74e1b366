"""Numbered objects in a storage that creates exclusively."""

from __future__ import annotations

from pathlib import Path

import pytest

from ostler.datamanager.sequences import StorageSequence
from ostler.errors import Conflict, NotFound
from ostler.ost import ObjectStorage

from .database_support import World
from .files_support import memory_storage, posix_storage


@pytest.fixture(params=["memory", "posix"])
def ost(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStorage:
    return memory_storage() if request.param == "memory" else posix_storage(tmp_path)


@pytest.fixture
def wals(ost: ObjectStorage) -> StorageSequence:
    return StorageSequence(ost, "wal/")


def test_what_was_created_is_read(wals: StorageSequence, ost: ObjectStorage) -> None:
    wals.create(1, b"one")
    wals.create(2, b"two")
    assert (wals.read(1), wals.read(2)) == (b"one", b"two")
    assert [info.key for info in ost.objects()] == [f"wal/{1:020}", f"wal/{2:020}"]


@pytest.mark.parametrize("data", [b"one", b"other"])
def test_a_number_is_created_once(wals: StorageSequence, data: bytes) -> None:
    wals.create(1, b"one")
    with pytest.raises(Conflict) as caught:
        wals.create(1, data)
    assert caught.value.code == "exists"
    assert wals.read(1) == b"one"


def test_what_is_not_there_is_not_found(wals: StorageSequence) -> None:
    with pytest.raises(NotFound):
        wals.read(1)
    with pytest.raises(NotFound):
        wals.persist([1])
    assert list(wals.after(0)) == []


def test_numbers_come_in_order_and_nothing_else(wals: StorageSequence, ost: ObjectStorage) -> None:
    for number in (2, 10, 1):
        wals.create(number, b"")
    ost.put(f"wal/{3:020}-0123456789abcdef", b"")
    ost.put("wal/else", b"")
    ost.put(f"wam/{4:020}", b"")
    assert list(wals.after(0)) == [1, 2, 10]
    assert list(wals.after(2)) == [10]
    assert list(wals.after(10)) == []


def test_objects_are_removed_up_to_a_number_with_what_lies_beside_them(
    wals: StorageSequence, ost: ObjectStorage
) -> None:
    for number in (1, 2, 3):
        wals.create(number, b"")
    ost.put(f"wal/{2:020}-0123456789abcdef", b"")
    ost.put(f"wal/{3:020}-0123456789abcdef", b"")
    assert wals.remove(0) == 0
    assert wals.remove(2) == 3
    assert [info.key for info in ost.objects()] == [
        f"wal/{3:020}",
        f"wal/{3:020}-0123456789abcdef",
    ]
    assert wals.remove(2) == 0


def test_what_was_created_is_durable(world: World) -> None:
    world.wals.create(1, b"")
    assert world.driver.durable == {f"wal/{1:020}"}


def test_what_somebody_else_left_is_made_durable(world: World) -> None:
    for number in (1, 2, 3):
        world.ost.put(f"wal/{number:020}", b"", persist=False)
    world.wals.persist(iter([1, 3]))
    assert world.driver.durable == {f"wal/{1:020}", f"wal/{3:020}"}
