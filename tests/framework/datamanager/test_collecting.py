"""Only what nobody can need any more is removed, and it goes in the end."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from ostler.datamanager import CollectReport, Datamanager, Put
from ostler.datamanager.manifest import encode_manifest
from ostler.errors import NotFound, Unavailable
from ostler.kv import KeyValueStore

from .database_support import PATIENCE, StillClock, World, once

GRACE = 100.0


def wal(number: int) -> str:
    return f"wal/{number:020}"


def manifest(number: int) -> str:
    return f"manifest/{number:020}"


def opened(world: World, **options: Any) -> Datamanager:
    """Files that were written stay in use, unless the options say something else."""
    return world.opened(**{"grace": GRACE, "overlap_ratio": 0.0, **options})


def commit(database: Datamanager, *ids: str) -> None:
    for name in ids:
        database.commit([Put("one", name, name.encode())])


def keys(world: World, kind: str) -> list[str]:
    return [key for key in world.driver.keys if key.startswith(f"{kind}/")]


def checkpoints(world: World, database: Datamanager, *ids: str) -> None:
    """Commit and make a checkpoint of each, some time after the other."""
    for name in ids:
        commit(database, name)
        database.checkpoint()
        world.clock.pass_time(1)


def everything(database: Datamanager) -> dict[str, bytes]:
    return dict(database.scan("one"))


def test_a_new_database_has_no_garbage(worlds: World) -> None:
    database = opened(worlds)
    worlds.clock.pass_time(2 * GRACE)
    assert database.collect() == CollectReport()
    assert worlds.driver.keys == [manifest(1)]


def test_what_is_covered_stays_for_the_grace_period(worlds: World) -> None:
    database = opened(worlds, overlap_ratio=100.0)
    checkpoints(worlds, database, "a", "b", "c")
    before = worlds.driver.keys
    worlds.clock.pass_time(GRACE - 3)
    assert database.collect() == CollectReport()
    assert worlds.driver.keys == before
    worlds.clock.pass_time(GRACE)
    commit(database, "d")
    assert database.collect() == CollectReport(commits=3, manifests=3, files=1)
    # That a file goes takes a manifest more, so that nobody can be about to name it.
    assert keys(worlds, "manifest") == [manifest(4), manifest(5)]
    assert keys(worlds, "wal") == [wal(4)]


def test_in_the_end_only_what_is_needed_is_left(worlds: World) -> None:
    database = opened(worlds, overlap_ratio=100.0)
    checkpoints(worlds, database, "a", "b", "c", "d")
    for _ in range(4):
        worlds.clock.pass_time(2 * GRACE)
        database.collect()
    newest = database.snapshot().manifest
    assert worlds.driver.keys == sorted(
        [*newest.files(), manifest(newest.number - 1), manifest(newest.number)]
    )
    assert everything(database) == {name: name.encode() for name in "abcd"}
    assert list(database.verify()) == []
    assert database.collect() == CollectReport()


@pytest.mark.parametrize("keep", [1, 2, 4])
def test_so_many_manifests_are_kept_however_old(world: World, keep: int) -> None:
    database = opened(world, keep_manifests=keep)
    checkpoints(world, database, *"abcdef")
    world.clock.pass_time(10 * GRACE)
    report = database.collect()
    assert keys(world, "manifest") == [manifest(number) for number in range(8 - keep, 8)]
    assert (report.manifests, report.commits) == (7 - keep, 7 - keep)
    assert list(world.wals.after(0)) == list(range(8 - keep, 7))


def test_what_was_the_newest_manifest_lately_is_kept(world: World) -> None:
    database = opened(world, keep_manifests=1)
    checkpoints(world, database, *"ab")
    world.clock.pass_time(10 * GRACE)
    checkpoints(world, database, "c")
    world.clock.pass_time(GRACE / 2)
    database.collect()
    assert keys(world, "manifest") == [manifest(3), manifest(4)]
    assert list(world.wals.after(0)) == [3]
    world.clock.pass_time(GRACE)
    database.collect()
    assert keys(world, "manifest") == [manifest(4)]


def test_a_reader_of_an_older_manifest_finds_its_files_for_the_grace_period(
    world: World,
) -> None:
    database = opened(world, keep_manifests=1, overlap_ratio=100.0)
    checkpoints(world, database, "a")
    world.clock.pass_time(10 * GRACE)
    old = database.snapshot()
    checkpoints(world, database, "b", "c")
    world.clock.pass_time(GRACE / 2)
    database.collect()
    assert dict(world.opened().scan("one", at=old)) == {"a": b"a"}


# Files that no manifest names


def orphan(world: World, name: str = "data/one/orphan") -> str:
    world.ost.put(name, b"left by somebody who died")
    return name


def test_an_orphan_goes_when_it_is_old_enough(world: World) -> None:
    database = opened(world)
    checkpoints(world, database, "a")
    name = orphan(world)
    world.clock.pass_time(GRACE)
    assert (database.collect().files, name in world.driver.keys) == (0, True)
    world.clock.pass_time(1)
    number = database.snapshot().manifest.number
    assert (database.collect().files, name in world.driver.keys) == (1, False)
    assert database.snapshot().manifest.number == number + 1
    assert everything(database) == {"a": b"a"}


def test_without_an_orphan_no_fence_is_made(world: World) -> None:
    database = opened(world)
    checkpoints(world, database, "a")
    world.clock.pass_time(10 * GRACE)
    database.collect()
    assert database.snapshot().manifest.number == 2


def test_nothing_goes_when_a_manifest_was_made_faster_than_the_fence(world: World) -> None:
    database, other = opened(world), opened(world)
    name = orphan(world)
    commit(database, "a")
    world.clock.pass_time(2 * GRACE)
    world.driver.before = once("put", manifest(2), database.checkpoint)
    assert (other.collect().files, name in world.driver.keys) == (0, True)
    assert (other.collect().files, name in world.driver.keys) == (1, False)
    assert everything(other) == {"a": b"a"}


def test_a_checkpoint_that_was_held_up_loses_its_files_to_a_fence(world: World) -> None:
    database, other = opened(world), opened(world)
    commit(database, "a")
    removed: list[int] = []

    def collect() -> None:
        world.clock.pass_time(2 * GRACE)
        removed.append(other.collect().files)

    world.driver.before = once("put", manifest(2), collect)
    report = database.checkpoint()
    assert (report.lost, removed, keys(world, "data")) == (True, [1], [])
    assert (database.checkpoint().lost, everything(database)) == (False, {"a": b"a"})


def test_files_that_a_manifest_came_to_name_just_before_the_fence_stay(world: World) -> None:
    database, other = opened(world), opened(world)
    commit(database, "a")
    held, go_on = threading.Event(), threading.Event()
    thread = threading.Thread(target=database.checkpoint)

    def hold(operation: str, key: str) -> None:
        if (operation, key) == ("put", manifest(2)) and threading.current_thread() is thread:
            held.set()
            assert go_on.wait(PATIENCE)

    def make() -> None:
        go_on.set()
        thread.join(PATIENCE)

    world.driver.before = hold
    thread.start()
    assert held.wait(PATIENCE)
    world.clock.pass_time(2 * GRACE)
    world.driver.after = once("list", "data/", make)  # it is an orphan so far
    assert other.collect().files == 0
    assert (database.snapshot().manifest.number, len(keys(world, "data"))) == (3, 1)
    assert everything(other) == {"a": b"a"}


# Probes


def test_probes_of_the_dead_go_when_they_are_old_enough(world: World) -> None:
    database = opened(world)
    world.ost.put("probe/old", b"")
    world.clock.pass_time(GRACE)
    world.ost.put("probe/new", b"")
    world.clock.pass_time(1)
    assert database.collect() == CollectReport()
    assert keys(world, "probe") == ["probe/new"]


# Objects that come late into a removed number


def test_a_manifest_that_comes_late_changes_nothing_and_goes(world: World) -> None:
    database = opened(world, keep_manifests=2)
    first = world.ost.read(manifest(1))
    checkpoints(world, database, *"abc")
    world.clock.pass_time(2 * GRACE)
    database.collect()
    assert keys(world, "manifest") == [manifest(3), manifest(4)]
    for late in (first, encode_manifest(replace(database.snapshot().manifest, number=2, commit=1))):
        number = 1 if late is first else 2
        world.ost.put(manifest(number), late)
        assert database.collect().manifests == 1
        assert keys(world, "manifest") == [manifest(3), manifest(4)]
    assert everything(world.opened()) == {name: name.encode() for name in "abc"}


def test_a_manifest_that_comes_late_into_the_number_of_a_kept_one_ends_the_chain(
    world: World,
) -> None:
    """None of what it names counts, and nothing newer is lost."""
    database = opened(world, keep_manifests=4)
    checkpoints(world, database, *"abc")
    other = replace(database.snapshot().manifest, number=2, commit=1, created=0.0, types={})
    world.ost.put(manifest(2), encode_manifest(other))
    world.clock.pass_time(2 * GRACE)
    late = opened(world, keep_manifests=4)
    assert late.collect().manifests == 2
    assert keys(world, "manifest") == [manifest(3), manifest(4)]
    assert everything(late) == {name: name.encode() for name in "abc"}


def test_a_commit_that_comes_late_goes(world: World) -> None:
    database = opened(world)
    commit(database, "a")
    late = world.ost.read(wal(1))
    database.checkpoint()
    checkpoints(world, database, "b", "c")
    world.clock.pass_time(2 * GRACE)
    assert database.collect().commits == 2
    world.ost.put(wal(1), late)
    assert database.collect() == CollectReport(commits=1)
    assert keys(world, "wal") == [wal(3)]


# Others, and clocks


def test_two_that_collect_at_the_same_time_remove_everything_once(world: World) -> None:
    one, two = opened(world), opened(world)
    checkpoints(world, one, *"abcd")
    world.clock.pass_time(2 * GRACE)
    reports: list[CollectReport] = []
    world.driver.before = once("list", "wal/", lambda: reports.append(two.collect()))
    one.collect()
    assert (reports[0].manifests, reports[0].commits) == (0, 3)
    assert keys(world, "wal") == [wal(4)]
    assert everything(two) == {name: name.encode() for name in "abcd"}


def test_who_finds_that_another_one_was_faster_has_nothing_to_do(world: World) -> None:
    one, two = opened(world), opened(world)
    checkpoints(world, one, *"abcd")
    world.clock.pass_time(2 * GRACE)

    def replaced() -> None:
        checkpoints(world, two, *"ef")
        world.clock.pass_time(2 * GRACE)
        two.collect()

    world.driver.before = once("get", manifest(4), replaced)
    assert one.collect() == CollectReport()
    assert everything(one) == {name: name.encode() for name in "abcdef"}


def test_what_fails_comes_out_and_is_done_the_next_time(world: World) -> None:
    database = opened(world)
    checkpoints(world, database, *"abc")
    world.clock.pass_time(2 * GRACE)

    def fail() -> None:
        raise Unavailable("cut off")

    world.driver.before = once("delete", wal(2), fail)
    with pytest.raises(Unavailable):
        database.collect()
    assert database.collect().commits == 1


def test_ages_are_told_by_the_clock_of_the_storage(world: World, kv: KeyValueStore) -> None:
    database = opened(world)
    checkpoints(world, database, *"abc")
    orphan(world)
    before = world.driver.keys
    ahead = StillClock()
    ahead.wall += 1e6
    other = Datamanager(world.ost, kv, types=["one"], clock=ahead, options=database._options)
    other.open()
    assert (other.collect(), world.driver.keys) == (CollectReport(), before)
    world.clock.pass_time(2 * GRACE)
    assert other.collect() == CollectReport(commits=3, manifests=3, files=1)


def test_a_manifest_that_goes_before_its_age_is_asked_for_is_no_error(world: World) -> None:
    database = opened(world)
    checkpoints(world, database, *"abc")
    world.clock.pass_time(2 * GRACE)

    def gone() -> None:
        raise NotFound("gone")

    world.driver.before = once("stat", manifest(3), gone)
    assert database.collect() == CollectReport()
    assert database.collect().commits == 2
