"""A database is found where there is one, and made only where certainly none has been."""

from __future__ import annotations

import dataclasses
import threading
from typing import Any

import pytest

from ostler.datamanager.founding import find_or_found
from ostler.datamanager.heads import Head
from ostler.datamanager.manifest import Manifest
from ostler.errors import BadRequest, Internal, Unavailable
from ostler.kv import KeyValueStore
from ostler.ost import ObjectStorage
from ostler.retry import RetryPolicy

from .database_support import Driver, World, append, failing, once, put


def find(world: World, head: Head | None = None) -> Manifest:
    return find_or_found(world.ost, world.kv, head, world.clock, world.threads)


def with_driver(world: World, driver: Driver) -> World:
    world.driver = driver
    world.ost = ObjectStorage(driver, clock=world.clock, retry=RetryPolicy(attempts=1))
    return world


def test_a_new_database_is_made_and_found_again(worlds: World) -> None:
    made = find(worlds)
    assert (made.number, made.commit, made.previous, made.created) == (
        1,
        0,
        b"",
        worlds.clock.now(),
    )
    assert find(worlds) == made
    assert find(worlds).own == made.own
    assert worlds.driver.keys == [f"manifest/{1:020}"]
    assert worlds.driver.durable == {f"manifest/{1:020}"}


def test_who_decides_is_the_storage_that_creates_exclusively(worlds: World) -> None:
    expected = "storage" if worlds.driver.shown.exclusive_put else "kv"
    assert find(worlds).arbiter == expected


def test_who_decides_is_settled_for_ever(world: World) -> None:
    assert find(world).arbiter == "storage"
    world.driver.shown = dataclasses.replace(world.driver.shown, exclusive_put=False)
    assert find(world).arbiter == "storage"


class Overwriting(Driver):
    """Says that it creates exclusively, and lets everybody win."""

    def put(self, key: str, source: Any, **options: Any) -> Any:
        return super().put(key, source, **{**options, "if_absent": False})


class Pretending(Driver):
    """Says that it creates exclusively, and tells some that they won who did not."""

    won = 0

    def put(self, key: str, source: Any, **options: Any) -> Any:
        if options["if_absent"] and key in self._objects and self.won < 2:
            self.won += 1
            return self.stat(key)
        return super().put(key, source, **options)


@pytest.mark.parametrize("type", [Overwriting, Pretending])
def test_a_storage_that_only_says_that_it_creates_exclusively_decides_nothing(
    world: World, type: type[Driver]
) -> None:
    with_driver(world, type(world.clock))
    assert find(world).arbiter == "kv"
    assert [key for key in world.driver.keys if key.startswith("probe/")] == []


def test_a_probe_that_cannot_be_made_is_an_error_and_nothing_is_founded(world: World) -> None:
    world.driver.before = failing("put", "probe/", Unavailable("cut off"))
    with pytest.raises(Unavailable, match="cut off"):
        find(world)
    assert world.driver.keys == []


def test_a_probe_that_was_removed_meanwhile_decides_nothing(world: World) -> None:
    world.driver.before = once("get", "probe/", lambda: world.ost.delete_many([*world.driver.keys]))
    with pytest.raises(Unavailable, match="a probe of the object storage was removed"):
        find(world)
    assert world.driver.keys == []
    assert find(world).arbiter == "storage"


@pytest.mark.parametrize("lacking", ["consistent_list", "atomic_put"])
def test_a_storage_that_cannot_do_what_is_needed_is_refused(world: World, lacking: str) -> None:
    world.driver.shown = dataclasses.replace(world.driver.shown, **{lacking: False})
    with pytest.raises(
        BadRequest, match="the datamanager needs a storage that writes objects whole"
    ):
        find(world)
    assert world.driver.calls == []


def refused(world: World, head: Head | None = None) -> str:
    with pytest.raises(Internal) as caught:
        find(world, head)
    assert (caught.value.code, caught.value.details) == ("missing", {"object": "manifest/"})
    return caught.value.message


def test_where_the_store_knows_a_database_none_is_made(worlds: World) -> None:
    assert "the key-value store belongs to the database lost:" in refused(
        worlds, Head("lost", 3, 1)
    )
    assert worlds.driver.keys == []


@pytest.mark.parametrize("key", [f"wal/{1:020}", f"wal/{1:020}-0123", "data/one/0123"])
def test_where_something_is_left_of_a_database_none_is_made(world: World, key: str) -> None:
    world.ost.put(key, b"")
    assert "there are objects of one:" in refused(world)
    assert world.driver.keys == [key]


def test_what_is_left_of_a_database_that_is_just_being_made_is_no_sign(world: World) -> None:
    made: list[Manifest] = []

    def make() -> None:
        log = world.log()
        append(log, put("a"))
        made.append(log.state.manifest)

    world.driver.before = once("list", "wal/", make)
    assert find(world) == made[0]


def test_other_objects_in_the_storage_are_no_sign(world: World) -> None:
    world.ost.put("probe/old", b"")
    world.ost.put("else/thing", b"")
    assert find(world).number == 1


def test_who_is_slower_finds_what_the_other_one_made(worlds: World) -> None:
    made: list[Manifest] = []
    worlds.driver.before = once("put", "manifest/", lambda: made.append(find(worlds)))
    assert find(worlds) == made[0]


def test_a_maker_whose_answer_was_lost_finds_its_own(world: World) -> None:
    world.driver.after = failing("put", "manifest/", Unavailable("no answer"))
    made = find(world)
    assert (made, world.driver.keys) == (find(world), [f"manifest/{1:020}"])


def test_a_maker_that_does_not_know_asks_to_try_again(world: World) -> None:
    world.driver.before = failing("put", "manifest/", Unavailable("cut off"))
    with pytest.raises(Unavailable, match=r"is just being made, .*\(cut off\): try again"):
        find(world)
    assert find(world).number == 1


def test_what_a_dead_maker_got_from_the_store_is_finished(kv: KeyValueStore) -> None:
    world = World(kv, exclusive=False)

    def die(operation: str, key: str) -> None:
        if (operation, key) == ("put", f"manifest/{1:020}"):
            raise Unavailable("died")

    world.driver.before = die
    with pytest.raises(Unavailable):
        find(world)
    world.driver.before = lambda operation, key: None
    assert world.ost.exists(f"manifest/{1:020}") is False
    found = find(world)
    assert (found, found.arbiter) == (find(world), "kv")
    assert found.cluster == f"{1:026}"  # that of the dead one


def test_many_that_begin_at_once_have_one_database(worlds: World) -> None:
    found: list[Manifest] = []
    errors: list[Unavailable] = []

    def begin() -> None:
        try:
            found.append(find(worlds))
        except Unavailable as error:  # it is just being made
            errors.append(error)

    threads = [threading.Thread(target=begin) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) + len(errors) == 4
    assert {each.cluster for each in found} <= {find(worlds).cluster}
