"""The log is brought up to date and written to, whatever the storage answers and whoever else is there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ostler.datamanager.log import Log
from ostler.datamanager.manifest import encode_manifest
from ostler.datamanager.records import Batch, Transaction, decode_batch, encode_batch
from ostler.datamanager.state import State
from ostler.errors import Forbidden, Internal, NotFound, Unavailable, Unknown

from .database_support import World, append, checkpointer, failing, once, put, values

GRACE = 100.0


def wal(number: int) -> str:
    return f"wal/{number:020}"


def manifest(number: int) -> str:
    return f"manifest/{number:020}"


def stored(world: World, number: int) -> Batch:
    return decode_batch(world.ost.read(wal(number)), wal(number))


def cut_off(times: int) -> list[Exception]:
    return [Unavailable("cut off") for _ in range(times)]


def cover(world: World, other: Log, *, remove: bool = True) -> None:
    """Let another process make a checkpoint, and remove what it covers."""
    checkpointer(world, other).checkpoint()
    if remove:
        world.manifests.remove(other.state.manifest.number - 1)
        world.wals.remove(other.state.manifest.commit)


# Reading


def test_a_new_log_is_empty(worlds: World) -> None:
    log = worlds.log()
    assert (log.sync(), log.durable, values(log)) == (0, 0, {})


def test_the_commits_of_others_are_taken_in(worlds: World) -> None:
    log, other = worlds.log(), worlds.log()
    append(other, put("a", b"1"))
    append(other, put("a", b"2", "group"), put("b", b"3"))
    assert log.sync() == 2
    assert (values(log), log.state.groups) == ({"a": b"2", "b": b"3"}, {"group": 2})
    assert log.sync() == 2


def test_whoever_waits_is_told_that_it_went_on(world: World) -> None:
    log, other = world.log(), world.log()
    told: list[int] = []
    log._advanced = lambda: told.append(log.state.commit)
    append(other, put("a"))
    append(other, put("b"))
    log.sync()
    log.sync()
    assert told == [1, 2]
    cover(world, other)
    log.refresh()
    assert told == [1, 2]
    append(other, put("c"))
    cover(world, other)
    log.refresh()
    assert told == [1, 2, 3]


def garbage(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda batch: b"", "it ends after 0 bytes"),
        (lambda batch: garbage(encode_batch(batch)), "its checksum is wrong"),
        (lambda batch: encode_batch(replace(batch, number=3)), "it says that it is number 3"),
        (
            lambda batch: encode_batch(replace(batch, previous=b"x" * 16)),
            "it does not follow the number 1 that is there",
        ),
    ],
)
def test_damage_is_named(world: World, change: Any, reason: str) -> None:
    log, other = world.log(), world.log()
    append(other, put("a"))
    log.sync()
    append(other, put("b"))
    world.ost.put(wal(2), change(stored(world, 2)))
    for call in (log.sync, lambda: append(log, put("c"))):
        with pytest.raises(Internal, match=reason) as caught:
            call()
        assert (caught.value.code, caught.value.details) == ("damaged", {"object": wal(2)})
    assert log.state.commit == 1


def test_what_fails_while_reading_comes_out(world: World) -> None:
    log = world.log()
    world.driver.before = failing("get", wal(1), *cut_off(1))
    with pytest.raises(Unavailable, match="cut off"):
        log.sync()
    assert log.sync() == 0


# Manifests


def test_a_newer_manifest_is_adopted(world: World) -> None:
    log, other = world.log(), world.log()
    append(other, put("a", b"1"))
    log.sync()
    cover(world, other)
    assert log.refresh() == other.state.manifest
    assert (log.state.manifest.number, log.state.commit, values(log)) == (2, 1, {})
    assert log.refresh().number == 2


def test_what_a_manifest_says_that_others_made_is_made_durable_before_it_counts(
    world: World,
) -> None:
    log, other = world.log(), world.log()
    append(other, put("a"))
    cover(world, other)
    world.driver.durable.discard(manifest(2))
    log.refresh()
    assert (log.durable, manifest(2) in world.driver.durable) == (1, True)


def test_a_manifest_that_was_replaced_while_it_was_looked_for_is_none(world: World) -> None:
    log, other = world.log(), world.log()
    append(other, put("a"))
    cover(world, other)

    def replaced() -> None:
        append(other, put("b"))
        cover(world, other)

    world.driver.before = once("get", manifest(2), replaced)
    assert log.refresh().number == 3


def test_manifests_that_change_too_fast_are_unavailable(world: World) -> None:
    log, other = world.log(), world.log()
    append(other, put("a"))
    cover(world, other)
    world.driver.before = failing("get", manifest(2), *[NotFound("gone") for _ in range(20)])
    with pytest.raises(Unavailable, match="the manifests change faster than they can be read"):
        log.refresh()
    assert log.refresh().number == 2


def test_an_older_manifest_is_not_adopted(world: World) -> None:
    log = world.log()
    first = log.state.manifest
    append(log, put("a"))
    checkpointer(world, log).checkpoint()
    log.adopt(first)
    assert log.state.manifest.number == 2


@pytest.mark.parametrize("field", [{"number": 1}, {"number": 3}, {"cluster": "other"}])
def test_a_manifest_that_does_not_belong_there_is_damaged(
    world: World, field: dict[str, Any]
) -> None:
    log = world.log()
    made = replace(log.state.manifest, number=2)
    world.ost.put(manifest(2), encode_manifest(replace(made, **field)))
    for call in (log.refresh, lambda: log.read_manifest(2)):
        with pytest.raises(Internal, match="of the database") as caught:
            call()
        assert (caught.value.code, caught.value.details) == ("damaged", {"object": manifest(2)})


def test_a_manifest_that_is_not_there_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        world.log().read_manifest(7)


# Sleeping for longer than what is removed was kept


def test_who_slept_for_long_looks_for_a_newer_manifest_first(world: World) -> None:
    log, other = world.log(grace=GRACE), world.log(grace=GRACE)
    append(other, put("a", b"1"))
    cover(world, other)
    assert log.sync() == 0  # the place of a commit that was removed is empty
    world.clock.pass_time(GRACE / 2)
    assert log.sync() == 1


def test_what_came_late_into_a_removed_number_is_not_taken_in(world: World) -> None:
    log, other = world.log(grace=GRACE), world.log(grace=GRACE)
    late = encode_batch(Batch(1, log.state.digest, "late", (put("a", b"late"),)))

    def hold_up() -> None:
        append(other, put("a", b"right"))
        cover(world, other)
        world.ost.put(wal(1), late)
        world.clock.pass_time(GRACE)

    world.driver.before = once("get", wal(1), hold_up)
    assert log.sync() == 1
    assert (log.state.digest, log.state.manifest.commit) == (other.state.digest, 1)
    assert append(log, put("b")) == 2


def test_what_was_removed_while_it_was_looked_for_is_not_the_end(world: World) -> None:
    log, other = world.log(grace=GRACE), world.log(grace=GRACE)

    def hold_up() -> None:
        append(other, put("a", b"right"))
        cover(world, other)
        world.clock.pass_time(GRACE)

    world.driver.before = once("get", wal(1), hold_up)
    assert log.sync() == 1
    assert log.state.digest == other.state.digest


def test_a_commit_into_a_removed_number_is_unknown(world: World) -> None:
    log, other = world.log(grace=GRACE), world.log(grace=GRACE)

    def hold_up() -> None:
        append(other, put("a", b"right"))
        cover(world, other)
        world.clock.pass_time(GRACE)

    world.driver.before = once("put", wal(1), hold_up)
    with pytest.raises(Unknown, match="this process was held up for so long") as caught:
        append(log, put("a", b"late"))
    assert caught.value.code == "held_up"
    assert log.state.digest == other.state.digest
    assert append(log, put("b")) == 2


def test_a_commit_whose_number_has_another_late_object_is_unknown(world: World) -> None:
    log, other = world.log(grace=GRACE), world.log(grace=GRACE)
    late = encode_batch(Batch(1, log.state.digest, "late", (put("a", b"late"),)))

    def hold_up() -> None:
        append(other, put("a", b"right"))
        cover(world, other)
        world.ost.put(wal(1), late)
        world.clock.pass_time(GRACE)

    world.driver.before = once("put", wal(1), hold_up)
    with pytest.raises(Unknown) as caught:
        append(log, put("a", b"later"))
    assert caught.value.code == "held_up"
    assert log.state.digest == other.state.digest


def test_a_commit_of_which_nobody_can_say_whether_its_number_is_covered_is_unknown(
    world: World,
) -> None:
    log = world.log(grace=GRACE)
    world.driver.before = once("put", wal(1), lambda: world.clock.pass_time(GRACE))
    world.driver.after = once("put", wal(1), lambda: setattr(world.driver, "before", failed))
    failed = failing("list", "manifest/", *cut_off(1))
    with pytest.raises(Unknown) as caught:
        append(log, put("a", b"1"))
    assert caught.value.code == "held_up"
    assert (log.sync(), values(log)) == (1, {"a": b"1"})


def test_who_was_held_up_only_a_little_commits(world: World) -> None:
    log = world.log(grace=GRACE)
    world.driver.before = once("put", wal(1), lambda: world.clock.pass_time(GRACE))
    assert append(log, put("a", b"1")) == 1
    assert values(log) == {"a": b"1"}


# Writing


def test_commits_are_numbered_and_durable(worlds: World) -> None:
    log = worlds.log()
    assert [append(log, put("a")), append(log, put("b"), put("c"))] == [1, 2]
    assert (log.state.commit, log.durable) == (2, 2)
    assert {wal(1), wal(2)} <= worlds.driver.durable
    assert stored(worlds, 2) == replace(log.state.recent[-1])
    assert stored(worlds, 2).previous == stored(worlds, 1).digest


def test_nothing_to_commit_is_no_commit(world: World) -> None:
    log = world.log()
    assert append(log) is None
    assert (log.state.commit, world.wals.remove(9)) == (0, 0)


def test_what_is_committed_is_chosen_anew_when_somebody_was_faster(worlds: World) -> None:
    log, other = worlds.log(), worlds.log()
    append(other, put("a", b"other"))
    seen: list[int] = []

    def select(state: State) -> list[Transaction]:
        seen.append(state.commit)
        return [put("a", str(state.commit).encode())]

    assert log.append(select) == 2
    assert (seen, values(log)) == ([0, 1], {"a": b"1"})


def test_what_is_no_longer_wanted_when_somebody_was_faster_is_left(world: World) -> None:
    log, other = world.log(), world.log()
    append(other, put("a", b"other"))
    assert log.append(lambda state: [] if state.commit else [put("a")]) is None
    assert (log.state.commit, values(log)) == (1, {"a": b"other"})


def test_a_commit_that_was_not_stored_is_tried_again(worlds: World) -> None:
    log = worlds.log()
    worlds.driver.before = failing("put", wal(1), *cut_off(3))
    assert append(log, put("a", b"1")) == 1
    assert values(worlds.log()) == {"a": b"1"}
    assert worlds.clock.pauses == [0.05] * 3


def test_a_commit_that_was_stored_though_it_failed_is_made_durable(world: World) -> None:
    log = world.log()

    def lose(operation: str, key: str) -> None:
        if operation == "put":
            world.driver.durable.discard(key)
            raise Unavailable("no answer")

    world.driver.after = lose
    assert append(log, put("a", b"1")) == 1
    assert (wal(1) in world.driver.durable, log.durable, world.clock.pauses) == (True, 1, [])


def test_a_commit_that_others_saw_before_its_writer_knew_is_made_durable(world: World) -> None:
    """Its answer was lost, and reading it failed; meanwhile another thread took it in."""
    log = world.log()

    def lose(operation: str, key: str) -> None:
        if (operation, key) == ("put", wal(1)):
            world.driver.durable.discard(key)
            world.driver.before = failing("get", wal(1), *cut_off(1))
            raise Unavailable("no answer")

    sleep = world.clock.sleep

    def take_in(seconds: float) -> None:
        sleep(seconds)
        log.sync()

    world.driver.after = lose
    world.clock.sleep = take_in  # type: ignore[method-assign]
    assert append(log, put("a", b"1")) == 1
    assert (wal(1) in world.driver.durable, len(world.clock.pauses)) == (True, 1)


def test_a_commit_that_another_thread_takes_in_first_is_made_once(world: World) -> None:
    log = world.log()
    world.driver.after = once("put", wal(1), log.sync)
    assert append(log, put("a", b"1")) == 1
    assert (log.state.commit, len(log.state.recent), log.durable) == (1, 1, 1)


def test_a_number_that_somebody_else_got_meanwhile_is_seen_by_another_thread(
    world: World,
) -> None:
    log, other = world.log(), world.log()
    world.driver.before = failing("put", wal(1), *cut_off(1))
    sleep = world.clock.sleep

    def take_in(seconds: float) -> None:
        sleep(seconds)
        append(other, put("a", b"other"))
        log.sync()

    world.clock.sleep = take_in  # type: ignore[method-assign]
    assert append(log, put("b", b"own")) == 2
    assert values(log) == {"a": b"other", "b": b"own"}


def test_what_a_storage_does_not_answer_in_time_is_unknown(world: World) -> None:
    log = world.log(commit_budget=1.0)
    world.driver.before = failing("put", wal(1), *cut_off(1000))
    with pytest.raises(Unknown, match="did not say in 1 s whether commit 1 is stored") as caught:
        append(log, put("a"))
    assert (caught.value.code, sum(world.clock.pauses)) == ("unknown", pytest.approx(1, abs=0.06))
    world.driver.before = failing("put", wal(1))
    assert append(log, put("b")) == 1


@pytest.mark.parametrize(
    "error",
    [
        Forbidden("no"),
        Unavailable("full", code="no_space"),
        Internal("the driver is wrong"),
    ],
)
def test_what_would_fail_again_is_said_at_once(world: World, error: Exception) -> None:
    log = world.log()
    world.driver.before = failing("put", wal(1), error)
    with pytest.raises(type(error)) as caught:
        append(log, put("a", b"1"))
    assert (caught.value, world.clock.pauses, log.state.commit) == (error, [], 0)
    assert append(log, put("a", b"2")) == 1


def test_what_fails_for_good_after_an_attempt_without_answer_is_unknown(world: World) -> None:
    log = world.log(commit_budget=1.0)
    world.driver.before = failing(
        "put", wal(1), *cut_off(1), *[Forbidden("no") for _ in range(100)]
    )
    with pytest.raises(Unknown, match=r"is stored \(no\)"):
        append(log, put("a"))


def test_what_was_refused_for_a_while_after_an_attempt_without_answer_is_committed(
    world: World,
) -> None:
    log = world.log()
    world.driver.before = failing("put", wal(1), *cut_off(1), Forbidden("no"), Forbidden("no"))
    assert append(log, put("a")) == 1


# Building upon what others wrote


def test_what_a_commit_builds_upon_is_made_durable_before(world: World) -> None:
    log, other = world.log(), world.log()
    append(other, put("a"))
    append(other, put("b"))
    log.sync()
    world.driver.durable.difference_update([wal(1), wal(2)])
    assert log.durable == 0

    def check() -> None:
        assert {wal(1), wal(2)} <= world.driver.durable

    world.driver.before = once("put", wal(3), check)
    assert append(log, put("c")) == 3
    assert log.durable == 3


def test_what_a_newer_manifest_covers_need_not_be_made_durable(world: World) -> None:
    log, other = world.log(), world.log()
    append(other, put("a"))
    log.sync()
    cover(world, other)
    assert append(log, put("b")) == 2
    assert log.state.manifest.number == 2


def test_what_a_newer_manifest_does_not_cover_is_made_durable_all_the_same(world: World) -> None:
    log, other = world.log(), world.log()
    append(other, put("a"))
    cover(world, other, remove=False)
    append(other, put("b"))
    log.sync()
    world.wals.remove(1)
    world.driver.durable.discard(wal(2))
    assert append(log, put("c")) == 3
    assert wal(2) in world.driver.durable


def test_what_is_missing_below_a_commit_is_an_alarm(world: World) -> None:
    log, other = world.log(), world.log()
    append(other, put("a"))
    log.sync()
    world.wals.remove(1)
    with pytest.raises(Internal, match="is missing though no manifest covers it") as caught:
        append(log, put("b"))
    assert (caught.value.code, caught.value.details) == ("missing", {"object": wal(1)})
    assert list(world.wals.after(0)) == []


# What others are told by


def test_who_was_faster_is_counted(world: World) -> None:
    log, other = world.log(), world.log()
    lost: list[int] = []
    log._lost = lambda: lost.append(log.state.commit)
    append(log, put("a"))
    append(other, put("b"))
    append(other, put("c"))
    append(log, put("d"))
    assert lost == [2, 3]


def test_the_storage_says_how_long_a_commit_takes(world: World) -> None:
    log = world.log()
    assert log.took == 0
    world.driver.before = once("put", wal(1), lambda: world.clock.pass_time(3.0))
    append(log, put("a"))
    assert log.took == 3.0
