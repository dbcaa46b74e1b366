"""Where the storage cannot create exclusively, the key-value store decides, and is never believed alone."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from ostler.datamanager.arbitration import KvSequence, sequence
from ostler.datamanager.sealing import digest_of
from ostler.datamanager.sequences import StorageSequence
from ostler.errors import Conflict, NotFound, Unavailable, Unknown
from ostler.kv import KeyValueStore

from .database_support import World, once

ONE, TWO, OTHER = (bytes([letter]) * 16 for letter in b"abz")


@pytest.fixture
def world(kv: KeyValueStore) -> World:
    """A storage that does not create exclusively."""
    return World(kv, exclusive=False)


def new(world: World, floor: Callable[[], int] = int) -> KvSequence:
    """Return the sequence as one more process has it."""
    return KvSequence(world.ost, world.kv, "wal/", floor)


@pytest.fixture
def wals(world: World) -> KvSequence:
    return new(world)


def name(number: int, data: bytes = b"") -> str:
    return f"wal/{number:020}" + (f"-{digest_of(data).hex()}" if data else "")


def taken(wals: KvSequence, number: int, data: bytes) -> bool:
    with pytest.raises(Conflict) as caught:
        wals.create(number, data)
    return caught.value.code == "exists"


def test_who_decides_is_chosen(world: World) -> None:
    assert type(sequence(world.ost, world.kv, "wal/", "storage")) is StorageSequence
    assert type(sequence(world.ost, world.kv, "wal/", "kv")) is KvSequence


def test_what_was_created_is_read_and_durable(world: World, wals: KvSequence) -> None:
    wals.create(1, ONE)
    wals.create(2, TWO)
    assert [wals.read(number) for number in wals.after(0)] == [ONE, TWO]
    assert world.driver.keys == [name(1), name(2)]
    assert world.driver.durable == {name(1), name(2)}


def test_a_number_is_given_once(world: World, wals: KvSequence) -> None:
    wals.create(1, ONE)
    assert taken(new(world), 1, OTHER)
    assert (wals.read(1), world.driver.keys) == (ONE, [name(1)])


def test_creating_the_same_again_is_right(world: World, wals: KvSequence) -> None:
    wals.create(1, ONE)
    wals.create(1, ONE)
    assert (wals.read(1), world.driver.keys) == (ONE, [name(1)])


def test_numbers_follow_each_other(wals: KvSequence) -> None:
    assert taken(wals, 2, TWO)
    wals.create(1, ONE)
    assert taken(wals, 3, TWO)
    wals.create(2, TWO)


@pytest.mark.parametrize("number", [1, 5, 64])
def test_a_number_of_long_ago_is_taken_even_if_the_store_forgot_who_has_it(
    world: World, wals: KvSequence, number: int
) -> None:
    for each in range(1, 71):
        wals.create(each, bytes([each]) * 16)
    assert (world.kv.get(name(6)), world.kv.get(name(7)) is None) == (None, False)
    assert taken(wals, number, OTHER)
    assert wals.read(number) == bytes([number]) * 16


def test_what_nobody_created_is_not_found(wals: KvSequence) -> None:
    with pytest.raises(NotFound, match="there is no object"):
        wals.read(1)


def left_after_deciding(world: World, wals: KvSequence) -> None:
    """Let a writer die that got number 1."""
    world.driver.before = dying_at_the_number(1)
    with pytest.raises(Unavailable, match="died"):
        wals.create(1, ONE)
    world.driver.before = lambda operation, key: None


def dying_at_the_number(number: int) -> Callable[[str, str], None]:
    def hook(operation: str, key: str) -> None:
        if operation == "put" and key == name(number):
            raise Unavailable("died")

    return hook


def test_who_reads_finishes_what_a_dead_writer_began(world: World, wals: KvSequence) -> None:
    left_after_deciding(world, wals)
    assert world.driver.keys == [name(1, ONE)]
    assert new(world).read(1) == ONE
    assert new(world).read(1) == ONE
    assert (list(wals.after(0)), name(1) in world.driver.durable) == ([1], True)


def test_a_number_of_a_dead_writer_is_taken(world: World, wals: KvSequence) -> None:
    left_after_deciding(world, wals)
    assert taken(new(world), 1, OTHER)
    assert new(world).read(1) == ONE
    new(world).create(2, TWO)


def test_a_writer_that_was_held_up_finds_its_number_finished(
    world: World, wals: KvSequence
) -> None:
    def finish() -> None:
        assert new(world).read(1) == ONE
        world.driver.durable.discard(name(1))  # who finished it has not come that far

    world.driver.before = once("get", name(1), finish)
    wals.create(1, ONE)
    assert (wals.read(1), name(1) in world.driver.durable) == (ONE, True)


def test_a_writer_that_died_before_it_was_decided_has_nothing(
    world: World, wals: KvSequence
) -> None:
    world.driver.after = once("put", name(1, ONE), lambda: 1 / 0)
    with pytest.raises(Exception, match="division"):
        wals.create(1, ONE)
    assert world.driver.keys == [name(1, ONE)]
    with pytest.raises(NotFound):
        wals.read(1)
    new(world).create(1, OTHER)
    assert wals.read(1) == OTHER
    assert wals.remove(1) == 2
    assert world.driver.keys == []


def test_a_number_that_was_given_and_is_gone_is_not_found(world: World, wals: KvSequence) -> None:
    wals.create(1, ONE)
    wals.create(2, TWO)
    wals.remove(1)
    with pytest.raises(NotFound):
        wals.read(1)


def empty(world: World) -> None:
    world.kv.delete("", prefix=True)


def test_an_emptied_store_is_written_anew_from_the_storage(world: World, wals: KvSequence) -> None:
    wals.create(1, ONE)
    wals.create(2, TWO)
    empty(world)
    assert taken(new(world), 2, OTHER)
    wals.create(3, OTHER)
    assert [wals.read(number) for number in (1, 2, 3)] == [ONE, TWO, OTHER]
    empty(world)
    assert wals.read(3) == OTHER
    wals.create(3, OTHER)  # the same once more


def test_an_emptied_store_gives_no_number_that_was_removed(world: World, wals: KvSequence) -> None:
    wals.create(1, ONE)
    wals.create(2, TWO)
    wals.remove(2)
    empty(world)
    late = new(world, lambda: 2)
    assert taken(late, 1, OTHER)
    assert taken(late, 2, OTHER)
    late.create(3, OTHER)
    assert world.driver.keys == [name(3)]


def test_a_store_that_was_put_back_gives_no_number_twice(world: World, wals: KvSequence) -> None:
    wals.create(1, ONE)
    old = {item.key: item.value for item in world.kv.items()}
    wals.create(2, TWO)
    empty(world)
    for key, value in old.items():
        world.kv.put(key, value)
    assert taken(new(world), 2, OTHER)
    assert wals.read(2) == TWO
    new(world).create(3, OTHER)


def test_what_a_store_said_that_was_emptied_meanwhile_is_unknown(
    world: World, wals: KvSequence
) -> None:
    def hook(operation: str, key: str) -> None:
        if (operation, key) == ("put", name(1)):
            empty(world)

    world.driver.after = hook
    with pytest.raises(Unknown, match="was put back while wal/00000000000000000001 was written"):
        wals.create(1, ONE)
    assert wals.read(1) == ONE


def test_what_a_store_said_that_gave_the_number_to_another_meanwhile_is_unknown(
    world: World, wals: KvSequence
) -> None:
    def hook(operation: str, key: str) -> None:
        if (operation, key) == ("put", name(1)):
            world.kv.put(name(1), digest_of(OTHER).hex().encode())

    world.driver.after = hook
    with pytest.raises(Unknown):
        wals.create(1, ONE)


def test_a_decision_that_somebody_else_made_meanwhile_is_asked_for_again(
    world: World, wals: KvSequence
) -> None:
    wals.create(1, ONE)
    world.driver.after = once("put", name(2, TWO), lambda: new(world).create(2, OTHER))
    assert taken(wals, 2, TWO)
    assert (wals.read(2), world.driver.keys) == (OTHER, [name(1), name(2)])


def test_a_storage_that_does_create_exclusively_after_all_is_asked_too(
    kv: KeyValueStore,
) -> None:
    """Another process found that it does, and wrote without asking the store."""
    world = World(kv)
    wals = new(world)
    StorageSequence(world.ost, "wal/").create(1, OTHER)
    assert taken(wals, 1, ONE)
    assert wals.read(1) == OTHER
    wals.create(2, TWO)
    assert (wals.read(1), wals.read(2)) == (OTHER, TWO)


def test_a_storage_that_creates_exclusively_keeps_what_came_between(kv: KeyValueStore) -> None:
    world = World(kv)
    wals = new(world)

    def hook(operation: str, key: str) -> None:
        if (operation, key) == ("put", name(1)):
            world.driver.before = lambda operation, key: None
            StorageSequence(world.ost, "wal/").create(1, OTHER)

    world.driver.before = hook
    assert taken(wals, 1, ONE)
    assert wals.read(1) == OTHER


def test_of_many_writers_one_has_each_number(world: World) -> None:
    won: list[tuple[int, bytes]] = []

    def write(writer: int) -> None:
        wals = new(world)
        for number in range(1, 9):
            data = bytes([writer]) * 16
            try:
                wals.create(number, data)
            except Conflict:
                assert wals.read(number) != data
            else:
                won.append((number, data))

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [(number, new(world).read(number)) for number in range(1, 9)]
    assert world.driver.keys == [name(number) for number in range(1, 9)]
