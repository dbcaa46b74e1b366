"""What is damaged or missing is told, all of it, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ostler.datamanager import Datamanager, Problem, Put
from ostler.datamanager.records import encode_batch
from ostler.errors import Unavailable

from .database_support import World, failing, once


def wal(number: int) -> str:
    return f"wal/{number:020}"


def manifest(number: int) -> str:
    return f"manifest/{number:020}"


@pytest.fixture
def database(world: World) -> Datamanager:
    """One with two data files, and three commits after the manifest."""
    database = world.opened()
    database.commit([Put("one", "a", b"1"), Put("two", "b", b"2")])
    database.checkpoint()
    for number in range(3):
        database.commit([Put("one", f"{number}", b"")])
    return database


def files(database: Datamanager) -> list[str]:
    return sorted(database.snapshot().manifest.files())


def found(database: Datamanager) -> list[str]:
    """Return the objects of the problems."""
    problems = list(database.verify())
    assert all(isinstance(each, Problem) for each in problems)
    assert all(each.object in each.reason for each in problems)
    return [each.object for each in problems]


def damage(world: World, key: str) -> None:
    data = bytearray(world.ost.read(key))
    data[len(data) // 2] ^= 1
    world.ost.put(key, bytes(data))


def test_a_whole_database_has_no_problems(database: Datamanager, world: World) -> None:
    assert list(database.verify()) == []
    assert list(world.opened().verify()) == []
    assert list(world.opened().verify()) == []


def test_every_object_is_read(database: Datamanager, world: World) -> None:
    world.driver.calls.clear()
    assert list(database.verify()) == []
    read = {key for operation, key in world.driver.calls if operation == "get"}
    needed = {manifest(2), wal(2), wal(3), wal(4), *files(database)}
    assert needed <= read


@pytest.mark.parametrize("gone", [False, True])
def test_each_object_that_is_needed_is_named(
    database: Datamanager, world: World, gone: bool
) -> None:
    for key in (manifest(2), wal(2), wal(3), wal(4), *files(database)):
        data = world.ost.read(key)
        if gone:
            world.ost.delete(key)
        else:
            damage(world, key)
        assert found(database) == [key]
        world.ost.put(key, data)
    assert found(database) == []


def test_all_problems_are_told_at_once(database: Datamanager, world: World) -> None:
    keys = [manifest(2), *files(database), wal(2), wal(4)]
    for key in keys:
        damage(world, key)
    assert found(database) == keys


def test_what_is_not_needed_any_more_is_no_problem(database: Datamanager, world: World) -> None:
    damage(world, wal(1))
    damage(world, manifest(1))
    assert found(database) == []


def test_a_reason_is_a_sentence(database: Datamanager, world: World) -> None:
    world.ost.delete(wal(3))
    assert list(database.verify()) == [Problem(wal(3), f"{wal(3)} is missing")]


def test_a_commit_that_does_not_follow_is_named(database: Datamanager, world: World) -> None:
    batch = database._log.state.recent[2]
    world.ost.put(wal(3), encode_batch(replace(batch, previous=b"x" * 16)))
    assert next(iter(database.verify())) == Problem(
        wal(3), f"{wal(3)} does not follow the number before it"
    )


def test_another_whole_commit_in_the_place_of_one_is_seen_by_the_next(
    database: Datamanager, world: World
) -> None:
    batch = database._log.state.recent[2]
    world.ost.put(wal(3), encode_batch(replace(batch, writer="other")))
    assert found(database) == [wal(4)]


def test_a_newest_commit_that_another_whole_one_replaced_is_seen(
    database: Datamanager, world: World
) -> None:
    """Nothing comes after it that could tell; but this process knows what it has read."""
    batch = database._log.state.recent[3]
    world.ost.put(wal(4), encode_batch(replace(batch, writer="other")))
    assert found(database) == [wal(4)]


def test_damage_in_a_commit_that_nobody_has_read_yet_is_named(
    database: Datamanager, world: World
) -> None:
    other = world.opened()
    database.commit([Put("one", "new", b"")])
    damage(world, wal(5))
    assert found(other) == [wal(5)]


def test_what_a_newer_manifest_replaced_meanwhile_is_no_problem(
    database: Datamanager, world: World
) -> None:
    other = world.opened(overlap_ratio=100.0)
    before = files(database)

    def replace_all() -> None:
        other.commit([Put("one", "a", b"3"), Put("two", "b", b"4")])
        other.checkpoint()
        world.ost.delete_many([*before, manifest(2), wal(2), wal(3)])

    world.driver.before = once("get", before[0], replace_all)
    assert found(database) == []
    assert database.snapshot().manifest.number == 3


def test_what_changes_all_the_time_is_not_looked_at_for_ever(
    database: Datamanager, world: World
) -> None:
    other = world.opened(overlap_ratio=100.0)
    looks = 0

    def replace_each_time(operation: str, key: str) -> None:
        nonlocal looks
        if operation == "get" and key.startswith("data/one"):
            world.driver.before = lambda operation, key: None
            looks += 1
            other.commit([Put("one", "a", b"")])
            other.checkpoint()
            world.ost.delete(key)
            world.driver.before = replace_each_time

    world.driver.before = replace_each_time
    problems = found(database)
    assert (looks, [key.startswith("data/one") for key in problems]) == (5, [True])


def test_a_storage_that_cannot_be_read_is_no_damage(database: Datamanager, world: World) -> None:
    for key in (manifest(2), files(database)[0], wal(2)):
        world.driver.before = failing("get", key, Unavailable("cut off"))
        with pytest.raises(Unavailable):
            list(database.verify())
    assert found(database) == []
