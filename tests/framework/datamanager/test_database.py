"""The database as its users see it: every promise of its docstrings."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from typing import Any

import pytest

from ostler.datamanager import Commit, Datamanager, Delete, Options, Put, Snapshot, Status, Token
from ostler.datamanager.heads import Head, Heads
from ostler.datamanager.names import KV_PREFIX
from ostler.errors import (
    BadRequest,
    Compacted,
    Conflict,
    Forbidden,
    Internal,
    Unavailable,
    Unknown,
)
from ostler.kv import KeyValueStore

from .database_support import PATIENCE, TYPES, World, failing, once


def wal(number: int) -> str:
    return f"wal/{number:020}"


def manifest(number: int) -> str:
    return f"manifest/{number:020}"


@pytest.fixture
def database(world: World) -> Datamanager:
    return world.opened()


def published(world: World) -> Head | None:
    return Heads(world.kv.with_prefix(KV_PREFIX)).read()


# Making one, opening and closing


@pytest.mark.parametrize("types", [["One"], [""], ["one", "two words"]])
def test_a_type_that_is_none_is_refused(world: World, types: list[str]) -> None:
    with pytest.raises(BadRequest, match="is no name of a type"):
        Datamanager(world.ost, world.kv, types=types, clock=world.clock)


def test_nothing_is_done_before_it_is_opened(world: World, kv: KeyValueStore) -> None:
    world.database()
    assert world.driver.calls == []
    assert list(kv.items()) == []


CALLS: dict[str, Callable[[Datamanager], Any]] = {
    "start": lambda it: it.start(),
    "commit": lambda it: it.commit([Put("one", "a", b"")]),
    "get": lambda it: it.get("one", "a"),
    "read": lambda it: it.read([("one", "a")]),
    "scan": lambda it: list(it.scan("one")),
    "changes": lambda it: it.changes("one", 0, b""),
    "has_entries": lambda it: it.has_entries(),
    "snapshot": lambda it: it.snapshot(),
    "token": lambda it: it.token(["red"]),
    "watch": lambda it: it.watch(0),
    "cluster": lambda it: it.cluster,
    "sync": lambda it: it.sync(),
    "checkpoint": lambda it: it.checkpoint(),
    "collect": lambda it: it.collect(),
    "verify": lambda it: list(it.verify()),
    "status": lambda it: it.status(),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("closed", [False, True])
def test_nothing_can_be_done_while_it_is_not_open(world: World, call: str, closed: bool) -> None:
    database = world.database()
    if closed:
        database.open()
        database.close()
    with pytest.raises(Conflict, match="the datamanager is not open: open it first") as caught:
        CALLS[call](database)
    assert caught.value.code == "closed"


def test_a_new_database_is_empty(worlds: World) -> None:
    database = worlds.opened()
    assert (database.get("one", "a"), list(database.scan("one")), database.sync()) == (None, [], 0)
    assert database.has_entries() is False


def test_what_was_committed_is_there_after_it_was_opened_again(worlds: World) -> None:
    database = worlds.opened()
    database.commit([Put("one", "a", b"1")])
    database.checkpoint()
    database.commit([Put("one", "b", b"2"), Delete("one", "a")])
    cluster = database.cluster
    database.close()
    database.open()
    assert (dict(database.scan("one")), database.sync()) == ({"b": b"2"}, 2)
    assert (database.cluster, worlds.opened().cluster) == (cluster, cluster)


def test_closing_again_does_nothing(database: Datamanager) -> None:
    database.close()
    database.close()
    assert database._opened is False


def test_storage_and_store_stay_open(database: Datamanager, world: World) -> None:
    database.commit([Put("one", "a", b"1")])
    database.close()
    assert world.ost.exists(wal(1))
    assert world.opened().get("one", "a") == b"1"


def test_closing_one_that_was_never_opened_does_nothing(world: World) -> None:
    world.database().close()
    assert world.driver.calls == []


def test_as_a_context_manager_it_is_opened_and_closed(world: World) -> None:
    before = threading.active_count()
    with world.database() as database:
        assert database.commit([Put("one", "a", b"1")]) == 1
        assert threading.active_count() > before
    assert threading.active_count() == before
    with pytest.raises(Conflict):
        database.sync()


def test_an_error_inside_of_it_comes_out(world: World) -> None:
    with pytest.raises(ZeroDivisionError), world.database():
        raise ZeroDivisionError


def test_opening_fails_for_damage_which_is_named(world: World) -> None:
    database = world.opened()
    for _ in range(3):
        database.commit([Put("one", "a", b"1")])
    data = world.ost.read(wal(2))
    for damage in (lambda: world.ost.put(wal(2), b""), lambda: world.ost.delete(wal(2))):
        damage()
        with pytest.raises(Internal) as caught:
            world.database().open()
        assert (caught.value.code, caught.value.details) == ("damaged", {"object": wal(2)})
    world.ost.put(wal(2), data)
    assert world.opened().sync() == 3


def test_opening_fails_for_a_store_of_another_database(database: Datamanager, world: World) -> None:
    world.kv.delete("", prefix=True)
    Heads(world.kv.with_prefix(KV_PREFIX)).publish(Head("other", 0, 1))
    with pytest.raises(Conflict) as caught:
        world.opened()
    assert caught.value.code == "other_cluster"


def test_opening_fails_for_a_store_that_knows_more(database: Datamanager, world: World) -> None:
    database.commit([Put("one", "a", b"1")])
    world.ost.delete(wal(1))
    late = world.database()
    with pytest.raises(Conflict) as caught:
        late.open()
    assert caught.value.code == "storage_behind"
    with pytest.raises(Conflict, match="not open"):
        late.sync()


def test_an_emptied_store_is_filled_again(worlds: World) -> None:
    database = worlds.opened()
    database.commit([Put("one", "a", b"1")])
    worlds.kv.delete("", prefix=True)
    other = worlds.opened()
    assert other.commit([Put("one", "b", b"2")]) == 2
    assert database.commit([Put("one", "c", b"3")]) == 3
    assert dict(worlds.opened().scan("one")) == {"a": b"1", "b": b"2", "c": b"3"}
    assert published(worlds) == Head(database.cluster, 3, 1)


# Committing


def test_a_commit_is_durable_and_seen_by_all(worlds: World) -> None:
    database, other = worlds.opened(), worlds.opened()
    assert database.commit([Put("one", "a", b"1"), Put("two", "a", b"2")]) == 1
    assert wal(1) in worlds.driver.durable
    assert [other.get(kind, "a") for kind in TYPES] == [b"1", b"2"]
    assert other.commit([Delete("one", "a")]) == 2
    assert (database.get("one", "a", fresh=False), database.get("one", "a")) == (b"1", None)


def test_actions_happen_in_their_order(database: Datamanager) -> None:
    database.commit([Put("one", "a", b"1"), Delete("one", "a"), Put("one", "a", b"2")])
    assert database.get("one", "a") == b"2"
    database.commit([Put("one", "a", b"3"), Delete("one", "a")])
    assert database.get("one", "a") is None


def test_deleting_what_is_absent_is_no_error(database: Datamanager) -> None:
    assert database.commit([Delete("one", "nobody")]) == 1


def test_a_commit_is_published(database: Datamanager, world: World) -> None:
    database.commit([Put("one", "a", b"1")])
    assert published(world) == Head(database.cluster, 1, 1)
    database.checkpoint()
    assert published(world) == Head(database.cluster, 1, 2)


@pytest.mark.parametrize(
    "actions",
    [
        [Put("three", "a", b"")],
        [Put("one", "a", b""), Delete("three", "a")],
        [Put("one", "", b"")],
        [Put("one", "x" * 513, b"")],
        [Delete("one", "\ud800")],
        [Put("one", "a", b"x" * 101)],
        [Put("one", "a" * 30, b"x" * 30), Put("one", "b", b"x" * 40)],
        [],
    ],
)
def test_what_can_never_be_committed_is_refused_before_anything_is_written(
    world: World, actions: list[Any]
) -> None:
    database = world.opened(transaction_bytes=100)
    world.driver.calls.clear()
    with pytest.raises(BadRequest):
        database.commit(actions)
    assert world.driver.calls == []
    assert database.commit([Put("one", "a", b"x" * 99)]) == 1


def test_a_refusal_says_what_to_do(world: World) -> None:
    database = world.opened(transaction_bytes=100)
    with pytest.raises(BadRequest, match=r"'three' is no declared type .* declared are: one, two"):
        database.commit([Put("three", "a", b"")])
    with pytest.raises(BadRequest, match="a transaction has 102 bytes and 100 are allowed"):
        database.commit([Put("one", "a", b"x" * 101)])
    with pytest.raises(BadRequest, match="needs an action or a change group"):
        database.commit([])
    with pytest.raises(BadRequest, match="is no name of a change group"):
        database.commit([Put("one", "a", b"")], groups=[""])


def test_groups_can_be_moved_without_any_action(database: Datamanager) -> None:
    token = database.token(["red"])
    assert database.commit([], groups=["red"]) == 1
    with pytest.raises(Conflict):
        database.commit([Put("one", "a", b"")], token=token)


def test_a_token_of_what_was_moved_is_refused_and_nothing_is_committed(worlds: World) -> None:
    database, other = worlds.opened(), worlds.opened()
    token = database.token(["red", "green"])
    other.commit([Put("one", "b", b"")], groups=["green"])
    with pytest.raises(Conflict, match="the change group 'green' was changed") as caught:
        database.commit([Put("one", "a", b"")], token=token)
    assert caught.value.code == "changed"
    assert (database.sync(), database.get("one", "a")) == (1, None)


def test_a_token_moves_its_groups(database: Datamanager) -> None:
    token = database.token(["red"])
    assert database.commit([Put("one", "a", b"")], token=token) == 1
    with pytest.raises(Conflict):
        database.commit([Put("one", "a", b"")], token=token)
    assert database.commit([Put("one", "a", b"")], token=database.token(["red"])) == 2


def test_a_token_is_refused_only_for_its_own_groups(database: Datamanager) -> None:
    token = database.token(["red"])
    database.commit([Put("one", "a", b"")], groups=["green"])
    assert database.commit([Put("one", "a", b"")], token=token, groups=["blue"]) == 2
    with pytest.raises(Conflict):
        database.commit([], token=dataclasses.replace(token, groups=("blue",)))


def test_a_token_outlives_checkpoints(database: Datamanager) -> None:
    token = database.token(["red"])
    database.commit([Put("one", "a", b"")], groups=["green"])
    database.checkpoint()
    assert database.commit([Put("one", "b", b"")], token=token) == 2
    database.checkpoint()
    with pytest.raises(Conflict):
        database.commit([Put("one", "b", b"")], token=token)


def test_what_nobody_can_say_is_unknown(world: World) -> None:
    database = world.opened(commit_budget=1.0)
    world.driver.before = failing("put", wal(1), *[Unavailable("cut off") for _ in range(99)])
    with pytest.raises(Unknown) as caught:
        database.commit([Put("one", "a", b"")])
    assert (caught.value.code, database.sync()) == ("unknown", 0)


def test_a_storage_without_room_commits_nothing(database: Datamanager, world: World) -> None:
    world.driver.before = failing("put", wal(1), Unavailable("full", code="no_space"))
    with pytest.raises(Unavailable, match="full") as caught:
        database.commit([Put("one", "a", b"")])
    assert (caught.value.code, type(caught.value)) == ("no_space", Unavailable)
    assert (database.get("one", "a"), database.commit([Put("one", "b", b"")])) == (None, 1)


def test_a_store_that_cannot_be_told_fails_no_commit(
    database: Datamanager, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise Forbidden("no")

    monkeypatch.setattr(database._publisher._heads, "publish", fail)
    assert database.commit([Put("one", "a", b"1")]) == 1
    monkeypatch.undo()
    assert database.commit([Put("one", "a", b"2")]) == 2
    assert published(world) == Head(database.cluster, 2, 1)


# Reading


def test_entries_are_read_as_they_are_at_one_point_in_time(database: Datamanager) -> None:
    database.commit([Put("one", "a", b"1"), Put("two", "a", b"2")], groups=["red"])
    database.checkpoint()
    database.commit([Put("one", "b", b"3")])
    reading = database.read(
        [("one", "b"), ("one", "x"), ("two", "a"), ("one", "a")], groups=["red"]
    )
    assert (reading.values, reading.number) == ((b"3", None, b"2", b"1"), 2)
    assert reading.token == Token(2, ("red",))


def test_reading_nothing_gives_a_token(database: Datamanager) -> None:
    database.commit([Put("one", "a", b"")])
    assert database.read([], groups=["red"]).token == database.token(["red"]) == Token(1, ("red",))


def test_an_empty_value_is_a_value(database: Datamanager) -> None:
    database.commit([Put("one", "a", b"")])
    assert database.get("one", "a") == b""
    database.checkpoint()
    assert (database.get("one", "a"), database.has_entries()) == (b"", True)


def test_what_is_not_fresh_costs_no_look_at_the_storage(world: World) -> None:
    database, other = world.opened(), world.opened()
    database.commit([Put("one", "a", b"1")])
    other.commit([Put("one", "a", b"2")])
    world.driver.calls.clear()
    assert database.get("one", "a", fresh=False) == b"1"
    assert dict(database.scan("one", fresh=False)) == {"a": b"1"}
    assert database.token(["red"], fresh=False) == Token(1, ("red",))
    assert database.snapshot(fresh=False).commit == 1
    assert world.driver.calls == []
    assert database.get("one", "a") == b"2"


@pytest.mark.parametrize(
    "call",
    [
        lambda it: it.get("three", "a"),
        lambda it: it.read([("one", "a"), ("three", "a")]),
        lambda it: it.scan("three"),
        lambda it: it.changes("three", 0, b""),
    ],
)
def test_an_undeclared_type_is_refused(database: Datamanager, call: Any) -> None:
    with pytest.raises(BadRequest, match="'three' is no declared type of entries"):
        list(call(database))


def test_entries_of_other_types_are_not_mixed_up(database: Datamanager) -> None:
    database.commit([Put("one", "a", b"1"), Put("two", "b", b"2")])
    for _ in range(2):
        assert (dict(database.scan("one")), dict(database.scan("two"))) == (
            {"a": b"1"},
            {"b": b"2"},
        )
        assert database.get("two", "a") is None
        database.checkpoint()


def test_a_scan_is_of_one_point_in_time(database: Datamanager) -> None:
    database.commit([Put("one", name, b"1") for name in "abc"])
    database.checkpoint()
    scanning = database.scan("one")
    assert next(scanning) == ("a", b"1")
    database.commit([Put("one", "b", b"2"), Delete("one", "c"), Put("one", "d", b"2")])
    assert list(scanning) == [("b", b"1"), ("c", b"1")]


def test_a_part_is_scanned(database: Datamanager) -> None:
    database.commit([Put("one", name, b"") for name in ("a", "b/1", "b/2", "b/3", "c")])
    found = database.scan("one", prefix="b/", start_after="b/1")
    assert [name for name, _data in found] == ["b/2", "b/3"]


def test_a_snapshot_is_scanned_as_often_as_wanted(database: Datamanager) -> None:
    database.commit([Put("one", "a", b"1"), Put("two", "b", b"1")])
    at = database.snapshot()
    database.commit([Put("one", "a", b"2"), Delete("two", "b")])
    for _ in range(2):
        assert dict(database.scan("one", at=at)) == {"a": b"1"}
        assert dict(database.scan("two", at=at)) == {"b": b"1"}
        database.checkpoint()
    assert isinstance(at, Snapshot)
    assert at.commit == 1


def test_a_scan_that_takes_longer_than_its_files_are_kept_says_so(world: World) -> None:
    database = world.opened(overlap_ratio=100.0)
    database.commit([Put("one", "a", b"1")])
    database.checkpoint()
    at = database.snapshot()
    (key,) = at.manifest.files()
    world.ost.delete(key)
    with pytest.raises(Internal) as caught:
        list(database.scan("one", at=at))
    assert (caught.value.code, caught.value.details) == ("missing", {"object": key})


def test_reading_goes_on_when_a_newer_manifest_replaced_the_files(world: World) -> None:
    options = {"overlap_ratio": 100.0, "cache_bytes": 0}
    database, other = world.opened(**options), world.opened(**options)
    database.commit([Put("one", "a", b"1"), Put("one", "c", b"1")])
    database.checkpoint()
    (key,) = database.snapshot().manifest.files()

    def replaced() -> None:
        other.commit([Put("one", "b", b"2")])
        other.checkpoint()
        world.ost.delete(key)

    world.driver.before = once("get", key, replaced)
    assert database.get("one", "a") == b"1"
    assert database.snapshot(fresh=False).manifest.number == 3


def test_a_missing_file_is_an_alarm(world: World) -> None:
    database = world.opened(cache_bytes=0)
    database.commit([Put("one", "a", b"1")])
    database.checkpoint()
    (key,) = database.snapshot().manifest.files()
    world.ost.delete(key)
    with pytest.raises(Internal) as caught:
        database.get("one", "a")
    assert (caught.value.code, caught.value.details) == ("missing", {"object": key})


def test_a_damaged_file_is_an_alarm(world: World) -> None:
    database = world.opened(cache_bytes=0)
    database.commit([Put("one", "a", b"1")])
    database.checkpoint()
    (key,) = database.snapshot().manifest.files()
    world.ost.put(key, world.ost.read(key)[::-1])
    with pytest.raises(Internal) as caught:
        database.get("one", "a")
    assert (caught.value.code, caught.value.details) == ("damaged", {"object": key})


def test_reading_ends_when_manifests_replace_each_other_faster(world: World) -> None:
    options = {"overlap_ratio": 100.0, "cache_bytes": 0}
    database, other = world.opened(**options), world.opened(**options)
    database.commit([Put("one", "a", b"1"), Put("one", "c", b"1")])
    database.checkpoint()
    replaced: list[str] = []

    def replace_each_time(operation: str, key: str) -> None:
        if operation == "get" and key.startswith("data/") and key not in replaced:
            world.driver.before = lambda operation, key: None
            replaced.append(key)
            other.commit([Put("one", "b", b"2")])
            other.checkpoint()
            world.ost.delete(key)
            world.driver.before = replace_each_time

    world.driver.before = replace_each_time
    with pytest.raises(Internal) as caught:
        database.get("one", "a")
    assert (caught.value.code, len(replaced)) == ("missing", 6)
    world.driver.before = lambda operation, key: None
    assert database.get("one", "a") == b"1"


def test_there_are_entries_until_the_last_one_is_deleted(database: Datamanager) -> None:
    database.commit([Put("two", "a", b"")])
    assert database.has_entries() is True
    database.checkpoint()
    database.commit([Delete("two", "a")])
    assert database.has_entries() is False
    database.checkpoint()
    assert database.has_entries() is False


def test_what_was_written_since_a_commit_is_told(worlds: World) -> None:
    database = worlds.opened()
    database.commit([Put("one", "a", b"1")])
    at = database.snapshot()
    worlds.opened().commit([Put("one", "b", b"2"), Put("two", "x", b"")])
    changes = database.changes("one", at.commit, at.digest)
    assert (changes.number, changes.entries) == (2, {"b": b"2"})
    with pytest.raises(Compacted):
        database.changes("one", at.commit, b"x" * 16)


# The rest


def test_commits_are_watched(worlds: World) -> None:
    database, other = worlds.opened(), worlds.opened()
    with database.watch(0) as watch:
        other.commit([Put("one", "a", b"1")], groups=["red"])
        assert watch.next(0) == (Commit(1, (Put("one", "a", b"1"),), ("red",)),)


def test_syncing_takes_in_what_others_committed(worlds: World) -> None:
    database, other = worlds.opened(), worlds.opened()
    for _ in range(3):
        other.commit([Put("one", "a", b"")])
    assert (database.snapshot(fresh=False).commit, database.sync()) == (0, 3)


def test_a_new_database_has_this_status(worlds: World) -> None:
    database = worlds.opened()
    assert database.status() == Status(
        cluster=database.cluster,
        arbiter="storage" if worlds.driver.shown.exclusive_put else "kv",
        commit=0,
        manifest=1,
        checkpoint=0,
        log_bytes=0,
        files=0,
        file_bytes=0,
        entries=0,
        published=0,
    )


def test_the_status_counts_what_is_there(database: Datamanager, world: World) -> None:
    database.commit([Put("one", "a", b"1"), Put("one", "b", b"1"), Put("two", "x", b"")])
    database.checkpoint()
    world.opened().commit([Delete("one", "a")])
    sizes = [world.ost.stat(key).size for key in world.driver.keys if key.startswith("data/")]
    expected = Status(
        cluster=database.cluster,
        arbiter="storage",
        commit=2,
        manifest=2,
        checkpoint=1,
        log_bytes=world.ost.stat(wal(2)).size,
        files=2,
        file_bytes=sum(sizes),
        entries=3,
        published=2,
    )
    assert database.status() == expected
    world.kv.delete("", prefix=True)
    assert database.status() == dataclasses.replace(expected, published=None)


def test_checkpoints_and_collections_of_one_process_wait_for_each_other(world: World) -> None:
    database = world.opened()
    database.commit([Put("one", "a", b"1")])
    held, go_on = threading.Event(), threading.Event()
    order: list[str] = []

    def hold(operation: str, key: str) -> None:
        if (operation, key) == ("put", manifest(2)):
            held.set()
            assert go_on.wait(PATIENCE)
        if operation == "put" and key.startswith("probe/"):
            order.append("collect")

    world.driver.before = hold
    checkpoint = threading.Thread(
        target=lambda: (database.checkpoint(), order.append("checkpoint"))
    )
    checkpoint.start()
    assert held.wait(PATIENCE)
    collect = threading.Thread(target=database.collect)
    collect.start()
    reads = [database.get("one", "a"), database.commit([Put("one", "b", b"")])]
    assert order == []
    go_on.set()
    checkpoint.join(PATIENCE)
    collect.join(PATIENCE)
    assert reads == [b"1", 2]
    assert sorted(order) == ["checkpoint", "collect"]
    assert database.status().manifest == 2


def test_many_threads_use_one_database(world: World) -> None:
    database = world.opened(checkpoint_commits=5, batch_bytes=40)
    errors: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for number in range(10):
                while True:
                    reading = database.read([("one", "count")], groups=["count"])
                    count = int(reading.values[0] or b"0") + 1
                    try:
                        database.commit(
                            [
                                Put("one", "count", str(count).encode()),
                                Put("two", f"{name}{number}", b""),
                            ],
                            token=reading.token,
                        )
                        break
                    except Conflict:
                        continue
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for _ in range(5):
        database.checkpoint()
    for thread in threads:
        thread.join(PATIENCE)
    assert errors == []
    assert database.get("one", "count") == b"40"
    assert len(list(database.scan("two"))) == 40


def test_everything_is_below_the_prefix_of_the_storage(world: World) -> None:
    part = world.ost.with_prefix("some/part/")
    database = world.database(ost=part)
    database.open()
    database.commit([Put("one", "a", b"1")])
    database.checkpoint()
    database.collect()
    assert {key.rpartition("/")[0] for key in world.driver.keys} == {
        "some/part/wal",
        "some/part/manifest",
        "some/part/data/one",
    }
    assert list(database.verify()) == []


def test_the_options_have_these_defaults() -> None:
    options = Options()
    assert (options.grace, options.poll, options.keep_manifests) == (3600.0, 2.0, 2)
    assert options.batch_bytes < options.transaction_bytes
