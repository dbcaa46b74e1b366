"""From what lies in the storage to the state in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ostler.datamanager.heads import Head
from ostler.datamanager.manifest import encode_manifest
from ostler.datamanager.records import Batch, encode_batch
from ostler.datamanager.recovery import check_head, newest_manifest, recover
from ostler.datamanager.state import State
from ostler.errors import Conflict, Internal, NotFound, Unavailable

from .database_support import World, append, checkpointer, failing, once, put


def wal(number: int) -> str:
    return f"wal/{number:020}"


def manifest(number: int) -> str:
    return f"manifest/{number:020}"


def begin(world: World) -> State:
    """Recover as a new process."""
    newest = newest_manifest(world.manifests)
    assert newest is not None
    return recover(newest, world.wals, world.manifests, world.threads)


def same(one: State, other: State) -> bool:
    return (one.commit, one.digest, one.changes, one.groups, one.floor, one.log_bytes) == (
        other.commit,
        other.digest,
        other.changes,
        other.groups,
        other.floor,
        other.log_bytes,
    )


# Manifests


def test_without_a_manifest_there_is_no_database(world: World) -> None:
    assert newest_manifest(world.manifests) is None
    world.ost.put("manifest/else", b"")
    assert newest_manifest(world.manifests) is None


def test_the_newest_manifest_is_found_and_durable(world: World) -> None:
    log = world.log()
    for _ in range(2):
        append(log, put("a"))
        checkpointer(world, log).checkpoint()
    world.driver.durable.discard(manifest(3))
    found = newest_manifest(world.manifests)
    assert (found, manifest(3) in world.driver.durable) == (log.state.manifest, True)


def test_a_damaged_manifest_is_named(world: World) -> None:
    world.log()
    world.ost.put(manifest(2), b"damaged")
    with pytest.raises(Internal) as caught:
        newest_manifest(world.manifests)
    assert (caught.value.code, caught.value.details) == ("damaged", {"object": manifest(2)})


def test_a_manifest_that_was_replaced_meanwhile_is_looked_for_again(world: World) -> None:
    log = world.log()
    append(log, put("a"))
    world.driver.before = once(
        "get",
        manifest(1),
        lambda: (checkpointer(world, log).checkpoint(), world.manifests.remove(1)),
    )
    found = newest_manifest(world.manifests)
    assert found is not None
    assert found.number == 2


def test_manifests_that_change_too_fast_are_unavailable(world: World) -> None:
    world.log()
    world.driver.before = failing("get", manifest(1), *[NotFound("gone") for _ in range(20)])
    with pytest.raises(Unavailable, match="try again"):
        newest_manifest(world.manifests)


# The log


def test_a_state_is_that_of_who_wrote_it(world: World) -> None:
    log = world.log()
    for number in range(5):
        append(log, put(f"{number}", b"x" * number, f"g{number % 2}"), put("same", b"y"))
    assert same(begin(world), log.state)
    checkpointer(world, log).checkpoint()
    append(log, put("a", b"z", "g1"))
    state = begin(world)
    assert same(state, log.state)
    assert (state.manifest, [batch.number for batch in state.recent]) == (log.state.manifest, [6])


def test_a_long_log_is_read_in_many_threads_when_that_takes_long(world: World) -> None:
    log = world.log()
    for number in range(300):
        append(log, put(f"{number}"))
    assert same(begin(world), log.state)
    world.driver.before = lambda operation, key: world.clock.pass_time(0.01)
    assert same(begin(world), log.state)


def test_what_a_manifest_covers_is_not_read(world: World) -> None:
    log = world.log()
    append(log, put("a"))
    checkpointer(world, log).checkpoint()
    world.ost.put(wal(1), b"anything that came late")
    assert same(begin(world), log.state)


@pytest.mark.parametrize("gone", [1, 2, 3])
def test_a_missing_commit_is_named(world: World, gone: int) -> None:
    log = world.log()
    for _ in range(4):
        append(log, put("a"))
    world.ost.delete(wal(gone))
    with pytest.raises(Internal, match="it is missing, though number 4 is there") as caught:
        begin(world)
    assert (caught.value.code, caught.value.details) == ("damaged", {"object": wal(gone)})


def test_a_commit_that_goes_while_it_is_read_is_missing_too(world: World) -> None:
    log = world.log()
    for _ in range(3):
        append(log, put("a"))
    world.driver.before = once("get", wal(2), lambda: world.ost.delete(wal(2)))
    with pytest.raises(Internal, match="it is missing") as caught:
        begin(world)
    assert caught.value.details == {"object": wal(2)}


def test_what_was_removed_meanwhile_is_in_the_newer_manifest(world: World) -> None:
    log = world.log()
    for number in range(3):
        append(log, put(f"{number}"))

    def replaced() -> None:
        checkpointer(world, log).checkpoint()
        world.manifests.remove(1)
        world.wals.remove(3)
        append(log, put("later"))

    world.driver.before = once("get", wal(2), replaced)
    state = begin(world)
    assert same(state, log.state)
    assert (state.manifest.number, state.commit) == (2, 4)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda batch: b"", "it ends after 0 bytes"),
        (lambda batch: encode_batch(replace(batch, number=3)), "it does not follow the number 1"),
        (
            lambda batch: encode_batch(replace(batch, previous=b"x" * 16)),
            "it does not follow the number 1",
        ),
    ],
)
def test_damage_is_named(world: World, change: Any, reason: str) -> None:
    log = world.log()
    for _ in range(3):
        append(log, put("a"))
    batch: Batch = log.state.recent[1]
    world.ost.put(wal(2), change(batch))
    with pytest.raises(Internal, match=reason) as caught:
        begin(world)
    assert (caught.value.code, caught.value.details) == ("damaged", {"object": wal(2)})


def test_a_log_that_does_not_follow_its_manifest_is_named(world: World) -> None:
    log = world.log()
    append(log, put("a"))
    world.ost.put(
        manifest(2), encode_manifest(replace(log.state.manifest, number=2, digest=b"x" * 16))
    )
    with pytest.raises(Internal) as caught:
        begin(world)
    assert caught.value.details == {"object": wal(1)}


# The key-value store


def test_a_store_that_knows_no_more_is_right(world: World) -> None:
    log = world.log()
    append(log, put("a"))
    cluster = log.state.manifest.cluster
    for head in (None, Head(cluster, 0, 1), Head(cluster, 1, 1)):
        assert check_head(head, log.state) is None


def test_a_store_that_knows_of_more_commits_is_refused(world: World) -> None:
    state = world.log().state
    with pytest.raises(
        Conflict, match="knows of commit 1 and the object storage ends at 0"
    ) as caught:
        check_head(Head(state.manifest.cluster, 1, 1), state)
    assert (caught.value.code, caught.value.details) == ("storage_behind", {"object": wal(1)})
    assert "delete the key 'datamanager/head'" in caught.value.message


def test_a_store_that_knows_of_more_manifests_is_refused(world: World) -> None:
    state = world.log().state
    with pytest.raises(Conflict, match=r"knows of manifest 2 and .* ends at 1") as caught:
        check_head(Head(state.manifest.cluster, 0, 2), state)
    assert (caught.value.code, caught.value.details) == ("storage_behind", {"object": manifest(2)})


def test_a_store_of_another_database_is_refused(world: World) -> None:
    with pytest.raises(Conflict) as caught:
        check_head(Head("other", 0, 1), world.log().state)
    assert caught.value.code == "other_cluster"
