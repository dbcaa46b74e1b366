"""What the log says goes into data files, and a manifest says so: once, or not at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ostler.datamanager.checkpointing import Checkpointer, CheckpointReport
from ostler.datamanager.compaction import scan
from ostler.datamanager.files import FileCache, FileReader
from ostler.datamanager.log import Log
from ostler.datamanager.manifest import Manifest, encode_manifest
from ostler.datamanager.records import Delete, Put, Transaction
from ostler.errors import Conflict, Forbidden, Internal, NotFound, Unavailable

from .database_support import World, append, checkpointer, failing, once, put


def manifest(number: int) -> str:
    return f"manifest/{number:020}"


def entries(world: World, made: Manifest, type: str = "one") -> dict[str, bytes]:
    """Return what the files of a manifest say."""
    cache = FileCache(0)
    return dict(scan(made.types[type], lambda info: FileReader(world.ost, info, cache)))


class Place:
    """A log, and who makes checkpoints of it."""

    def __init__(self, world: World, arbiter: str = "storage", **options: Any) -> None:
        self.world = world
        self.log: Log = world.log(arbiter, **options)
        self.checkpointer: Checkpointer = checkpointer(world, self.log, **options)

    def checkpoint(self) -> CheckpointReport:
        return self.checkpointer.checkpoint()

    @property
    def manifest(self) -> Manifest:
        return self.log.state.manifest

    @property
    def files(self) -> list[str]:
        return [key for key in self.world.driver.keys if key.startswith("data/")]


@pytest.fixture
def place(world: World) -> Place:
    return Place(world)


@pytest.fixture(params=["storage", "kv"])
def places(request: pytest.FixtureRequest, world: World) -> Place:
    return Place(world, request.param)


def test_where_nothing_is_new_nothing_is_made(place: Place) -> None:
    assert place.checkpoint() == CheckpointReport(manifest=1, commit=0)
    append(place.log, put("a"))
    place.checkpoint()
    assert place.checkpoint() == CheckpointReport(manifest=2, commit=1)
    assert list(place.world.manifests.after(0)) == [1, 2]


def test_everything_committed_is_in_the_files(places: Place) -> None:
    world, log = places.world, places.log
    append(log, put("a", b"1"), put("b", b"2"), Transaction((Put("two", "x", b"3"),), ("group",)))
    append(log, Transaction((Delete("one", "a"), Put("one", "c", b"4")), ()))
    before = places.manifest
    report = places.checkpoint()
    made = places.manifest
    assert report == CheckpointReport(
        manifest=2,
        commit=2,
        entries=4,
        written=sum(info.size for info in made.files().values()),
    )
    assert (entries(world, made), entries(world, made, "two")) == (
        {"b": b"2", "c": b"4"},
        {"x": b"3"},
    )
    assert (made.follows(before), made.commit, made.digest) == (True, 2, log.state.digest)
    assert (made.groups, made.created) == ({"group": 1}, world.clock.now())
    assert (log.state.changes, log.state.log_bytes) == ({}, 0)
    assert set(made.files()) == set(places.files)
    assert {*places.files, manifest(2)} <= world.driver.durable
    assert log.read_manifest(2) == made


def test_the_commits_of_others_are_taken_over_too(world: World) -> None:
    place, other = Place(world), Place(world)
    append(other.log, put("a", b"1"))
    assert (place.checkpoint().commit, entries(world, place.manifest)) == (1, {"a": b"1"})
    append(other.log, put("b", b"2"))
    assert other.checkpoint() == CheckpointReport(
        manifest=3,
        commit=2,
        entries=1,
        written=sum(info.size for info in other.manifest.files().values()),
    )
    assert entries(world, other.manifest) == {"a": b"1", "b": b"2"}


def test_only_types_that_were_changed_are_written(place: Place) -> None:
    append(place.log, put("a"), Transaction((Put("two", "x", b""),), ()))
    place.checkpoint()
    before = place.manifest.types["two"]
    append(place.log, put("b"))
    place.checkpoint()
    assert place.manifest.types["two"] == before


def test_groups_that_were_moved_long_ago_are_forgotten(world: World) -> None:
    place = Place(world, keep_groups=2)
    for number in range(1, 5):
        append(place.log, put("a", b"", f"g{number}"))
    place.checkpoint()
    assert (place.manifest.floor, len(place.manifest.groups)) == (0, 4)
    append(place.log, put("a", b"", "g5"))
    place.checkpoint()
    assert (place.manifest.floor, place.manifest.groups) == (3, {"g4": 4, "g5": 5})
    assert (place.log.state.floor, place.log.state.groups) == (3, {"g4": 4, "g5": 5})


def test_groups_that_were_moved_together_are_forgotten_together(world: World) -> None:
    place = Place(world, keep_groups=1)
    append(place.log, put("a", b"", "g1", "g2", "g3"))
    append(place.log, put("a", b"", "g4"))
    place.checkpoint()
    assert (place.manifest.floor, place.manifest.groups) == (1, {"g4": 2})
    append(place.log, put("a", b"", "g5", "g6"))
    place.checkpoint()
    assert (place.manifest.floor, place.manifest.groups) == (3, {})


# Others who make one at the same time


def test_who_is_slower_removes_its_files_and_takes_the_other_one(world: World) -> None:
    place, other = Place(world), Place(world)
    append(place.log, put("a", b"1"))
    world.driver.before = once("put", manifest(2), other.checkpoint)
    report = place.checkpoint()
    assert (report.manifest, report.commit, report.lost) == (2, 1, True)
    assert place.manifest == other.manifest
    assert set(place.files) == set(other.manifest.files())


def test_who_finds_newer_manifests_behind_its_own_takes_the_newest(world: World) -> None:
    """It was held up until its number had been given and removed."""
    place, other = Place(world), Place(world)
    append(place.log, put("a", b"1"))

    def overtake() -> None:
        other.checkpoint()
        append(other.log, put("b", b"2"))
        other.checkpoint()
        world.manifests.remove(2)

    world.driver.before = once("put", manifest(2), overtake)
    report = place.checkpoint()
    assert (report.manifest, report.commit, report.lost) == (3, 2, False)
    assert place.manifest == other.manifest
    assert entries(world, place.manifest) == {"a": b"1", "b": b"2"}


@pytest.mark.parametrize("operation", ["put", "persist"])
def test_who_was_held_up_until_its_files_were_removed_says_so(world: World, operation: str) -> None:
    place, other = Place(world), Place(world)
    append(place.log, put("a", b"1"))

    def overtake() -> None:
        own = place.files
        other.checkpoint()
        world.ost.delete_many(own)

    world.driver.before = once("persist", "data/", overtake)
    assert place.checkpoint() == CheckpointReport(manifest=2, commit=1, lost=True)
    assert place.manifest == other.manifest


def test_who_was_held_up_until_the_files_that_it_reads_were_removed_says_so(
    world: World,
) -> None:
    options = {"overlap_ratio": 100.0, "cache_bytes": 0}
    place, other = Place(world, **options), Place(world, **options)
    append(place.log, put("a", b"1"), put("c", b"1"))
    place.checkpoint()
    append(place.log, put("b", b"2"))
    (old,) = place.files
    place.checkpointer = checkpointer(world, place.log, **options)

    def overtake() -> None:
        world.driver.before = lambda operation, key: None
        other.checkpoint()
        world.ost.delete(old)

    world.driver.before = once("get", old, overtake)
    assert place.checkpoint() == CheckpointReport(manifest=3, commit=2, lost=True)
    assert (old in other.manifest.files(), place.manifest) == (False, other.manifest)


def test_files_that_are_missing_though_nobody_replaced_them_are_an_alarm(place: Place) -> None:
    append(place.log, put("a", b"1"))
    place.world.driver.before = once(
        "persist", "data/", lambda: place.world.ost.delete_many(place.files)
    )
    with pytest.raises(NotFound):
        place.checkpoint()
    assert place.manifest.number == 1
    assert place.checkpoint().manifest == 2


def test_damage_is_an_alarm(world: World) -> None:
    place = Place(world, overlap_ratio=100.0)
    append(place.log, put("a", b"1"), put("c", b"1"))
    place.checkpoint()
    (key,) = place.files
    world.ost.put(key, world.ost.read(key)[:-1] + b"x")
    append(place.log, put("b", b"2"))
    place.checkpointer = checkpointer(world, place.log, overlap_ratio=100.0)
    with pytest.raises(Internal) as caught:
        place.checkpoint()
    assert (caught.value.code, caught.value.details) == ("damaged", {"object": key})
    assert place.manifest.number == 2


# A storage that does not answer


def test_a_manifest_that_was_stored_though_it_failed_is_made(place: Place) -> None:
    append(place.log, put("a"))

    def lose(operation: str, key: str) -> None:
        if (operation, key) == ("put", manifest(2)):
            place.world.driver.durable.discard(key)
            raise Unavailable("no answer")

    place.world.driver.after = lose
    report = place.checkpoint()
    assert (report.manifest, report.lost, place.manifest.number) == (2, False, 2)
    assert manifest(2) in place.world.driver.durable


def test_a_manifest_that_was_not_stored_is_tried_again(place: Place) -> None:
    append(place.log, put("a"))
    place.world.driver.before = failing(
        "put", manifest(2), *[Unavailable("cut off") for _ in range(4)]
    )
    assert (place.checkpoint().manifest, place.manifest.number) == (2, 2)


def test_a_manifest_that_cannot_be_stored_is_unavailable(place: Place) -> None:
    append(place.log, put("a"))
    place.world.driver.before = failing(
        "put", manifest(2), *[Unavailable("cut off") for _ in range(5)]
    )
    with pytest.raises(Unavailable, match="cut off"):
        place.checkpoint()
    assert place.manifest.number == 1
    assert place.checkpoint().manifest == 2


def test_a_manifest_that_may_not_be_stored_is_said_at_once(place: Place) -> None:
    append(place.log, put("a"))
    place.world.driver.before = failing("put", manifest(2), Forbidden("no"))
    with pytest.raises(Forbidden):
        place.checkpoint()
    assert place.world.driver.calls.count(("put", manifest(2))) == 1


def test_a_manifest_that_cannot_be_made_durable_is_unavailable(place: Place) -> None:
    append(place.log, put("a"))
    place.world.driver.after = failing("put", manifest(2), Unavailable("no answer"))
    place.world.driver.before = failing(
        "persist", manifest(2), *[Unavailable("cut off") for _ in range(5)]
    )
    with pytest.raises(Unavailable, match="cut off"):
        place.checkpoint()
    assert place.manifest.number == 1
    assert (place.checkpoint().commit, place.manifest.number) == (1, 2)


def test_a_manifest_whose_number_was_given_away_and_that_is_not_there_is_missing(
    world: World,
) -> None:
    """As where the key-value store decided, and the storage lost what it decided for."""
    place = Place(world)
    append(place.log, put("a"))
    taken = [Conflict("taken", code="exists") for _ in range(5)]
    world.driver.before = failing("put", manifest(2), *taken)
    with pytest.raises(Internal, match="is missing though its number was given away") as caught:
        place.checkpoint()
    assert (caught.value.code, caught.value.details) == ("missing", {"object": manifest(2)})
    assert place.manifest.number == 1


def test_a_manifest_whose_number_was_taken_and_removed_meanwhile_is_overtaken(
    world: World,
) -> None:
    place, other = Place(world), Place(world)
    append(place.log, put("a", b"1"))

    def overtake() -> None:
        other.checkpoint()
        append(other.log, put("b", b"2"))
        other.checkpoint()
        world.manifests.remove(2)
        taken = [Conflict("taken", code="exists") for _ in range(5)]
        world.driver.before = failing("put", manifest(2), *taken[1:])
        raise taken[0]

    world.driver.before = once("put", manifest(2), overtake)
    report = place.checkpoint()
    assert (report.manifest, report.lost, place.manifest) == (3, False, other.manifest)


def test_the_files_of_a_checkpoint_that_failed_are_removed(place: Place) -> None:
    append(place.log, put("a"))
    place.world.driver.before = failing("persist", "data/", Unavailable("full", code="no_space"))
    with pytest.raises(Unavailable, match="full"):
        place.checkpoint()
    assert (place.files, place.manifest.number) == ([], 1)
    assert place.checkpoint().manifest == 2


def test_files_that_cannot_be_removed_hide_no_failure(place: Place) -> None:
    append(place.log, put("a"))

    def fail(operation: str, key: str) -> None:
        if key.startswith("data/") and operation in ("persist", "delete"):
            raise Unavailable(f"no {operation}")

    place.world.driver.before = fail
    with pytest.raises(Unavailable, match="no persist"):
        place.checkpoint()


# Fences


def test_a_fence_says_the_same_once_more(places: Place) -> None:
    append(places.log, put("a", b"1", "group"))
    places.checkpoint()
    before = places.manifest
    append(places.log, put("b"))
    assert places.checkpointer.fence() is True
    assert places.manifest == replace(
        before, number=3, previous=before.own, created=places.manifest.created
    )
    assert (places.log.state.commit, set(places.log.state.changes["one"])) == (2, {"b"})


def test_a_fence_keeps_a_manifest_on_the_same_base_from_being_made(world: World) -> None:
    place, other = Place(world), Place(world)
    append(place.log, put("a", b"1"))
    world.driver.before = once("put", manifest(2), other.checkpointer.fence)
    assert place.checkpoint().lost is True
    assert (place.manifest.commit, place.files) == (0, [])
    assert (place.checkpoint().manifest, entries(world, place.manifest)) == (3, {"a": b"1"})


def test_a_fence_that_comes_too_late_is_none(world: World) -> None:
    place, other = Place(world), Place(world)
    append(place.log, put("a", b"1"))
    world.driver.before = once("put", manifest(2), place.checkpoint)
    assert other.checkpointer.fence() is False


def test_a_number_that_another_manifest_has_is_lost_whatever_the_storage_says(
    world: World,
) -> None:
    place = Place(world)
    append(place.log, put("a", b"1"))
    foreign = replace(place.manifest, number=2, previous=place.manifest.own, created=1.0)
    world.driver.before = once(
        "put", manifest(2), lambda: world.manifests.create(2, encode_manifest(foreign))
    )
    world.driver.after = failing("get", manifest(2), Conflict("strange"))
    with pytest.raises(Conflict, match="strange"):
        place.checkpoint()
    assert place.checkpoint().lost is False
    assert (place.manifest.number, place.manifest.previous != foreign.previous) == (3, True)
