"""What is known is published, when it is new, durable and the store belongs to it."""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import asdict

import pytest

from ostler.datamanager import Gate, SystemThreads
from ostler.datamanager.heads import Head, Heads
from ostler.datamanager.names import KV_PREFIX
from ostler.datamanager.publishing import Publisher
from ostler.datamanager.turns import Turns
from ostler.errors import Conflict, Unavailable
from ostler.kv import KeyValueStore

from .database_support import PATIENCE, World, append, put, wait_until


class Place:
    """A log, and who publishes it."""

    def __init__(self, world: World, threads: SystemThreads | None = None) -> None:
        self.world, self.log = world, world.log()
        self.cluster = self.log.state.manifest.cluster
        self.kv = world.kv.with_prefix(KV_PREFIX)
        heads = Heads(self.kv)
        told = heads.read()
        self.threads = threads or world.threads
        turns = Turns(self.kv, "writer")
        self.publisher = Publisher(heads, self.log, turns, self.threads, world.clock, told)

    def head(self, commit: int, manifest: int = 1) -> Head:
        return Head(self.cluster, commit, manifest)

    @property
    def published(self) -> Head | None:
        return Heads(self.kv).read()

    @property
    def revision(self) -> int:
        item = self.kv.get("head")
        return item.mod_revision if item else 0


@pytest.fixture
def place(world: World) -> Place:
    return Place(world)


class Deaf:
    """A store that cannot be reached."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    def install(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        heads = place.publisher._heads
        real = heads.publish

        def publish(head: Head) -> None:
            if self.errors:
                raise self.errors.pop(0)
            real(head)

        monkeypatch.setattr(heads, "publish", publish)


def test_a_new_database_is_published(place: Place) -> None:
    place.publisher.publish()
    assert place.published == place.head(0)


def test_what_was_told_is_not_told_again(place: Place) -> None:
    append(place.log, put("a"))
    place.publisher.publish()
    revision = place.revision
    place.publisher.publish()
    place.publisher.tell()
    assert (place.published, place.revision) == (place.head(1), revision)


def test_what_another_process_told_is_not_told_again(place: Place) -> None:
    append(place.log, put("a"))
    place.publisher.publish()
    other = Place(place.world)
    revision = place.revision
    other.publisher.publish()
    assert place.revision == revision


def test_what_may_still_be_lost_is_not_published(place: Place) -> None:
    append(place.world.log(), put("a"))
    place.log.sync()
    place.publisher.publish()
    assert (place.log.state.commit, place.published) == (1, place.head(0))
    append(place.log, put("b"))
    place.publisher.publish()
    assert place.published == place.head(2)


def test_a_store_that_cannot_be_reached_is_said_and_told_later(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    Deaf(Unavailable("cut off")).install(place, monkeypatch)
    append(place.log, put("a"))
    with caplog.at_level(logging.WARNING):
        place.publisher.publish()
    assert caplog.messages == [
        "the key-value store could not be told of commit 1, which is stored: cut off"
    ]
    assert place.published is None
    place.publisher.publish()
    assert place.published == place.head(1)


def test_a_store_of_another_database_is_refused(place: Place) -> None:
    Heads(place.kv).publish(Head("other", 3, 1))
    for call in (place.publisher.publish, place.publisher.renew):
        with pytest.raises(Conflict) as caught:
            call()
        assert caught.value.code == "other_cluster"
    assert place.published == Head("other", 3, 1)


def test_telling_never_fails_but_says_so(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    Heads(place.kv).publish(Head("other", 3, 1))
    with caplog.at_level(logging.ERROR):
        place.publisher.tell()
        place.publisher.close()
    assert len(caplog.messages) == 2
    assert caplog.messages[0].startswith("commits are stored, but nobody is told of them: ")


def test_without_a_thread_it_is_told_at_once(place: Place) -> None:
    append(place.log, put("a"))
    place.publisher.tell()
    assert place.published == place.head(1)


def test_an_emptied_store_is_told_again(place: Place) -> None:
    append(place.log, put("a"))
    place.publisher.publish()
    place.kv.delete("head")
    place.publisher.publish()
    assert place.published is None  # it does not look each time
    place.publisher.renew()
    assert place.published == place.head(1)


def test_a_store_that_was_put_back_is_told_again(place: Place) -> None:
    place.publisher.publish()
    old = place.kv.get("head")
    assert old is not None
    append(place.log, put("a"))
    place.publisher.publish()
    place.kv.put("head", old.value)
    place.publisher.renew()
    assert place.published == place.head(1)


def test_a_store_that_tells_more_stays_as_it_is(place: Place) -> None:
    place.publisher.publish()
    Heads(place.kv).publish(place.head(7))
    revision = place.revision
    place.publisher.renew()
    assert (place.published, place.revision) == (place.head(7), revision)


def run(place: Place) -> threading.Thread:
    thread = threading.Thread(target=place.publisher.run, daemon=True)
    thread.start()
    return thread


def ended(thread: threading.Thread) -> bool:
    thread.join(PATIENCE)
    return not thread.is_alive()


def test_a_thread_publishes_what_is_new_until_it_is_closed(place: Place) -> None:
    thread = run(place)
    wait_until(lambda: place.published == place.head(0))
    for number in range(1, 4):
        append(place.log, put("a"))
        place.publisher.tell()
        wait_until(lambda number=number: place.published == place.head(number))  # type: ignore[misc]
    place.publisher.close()
    assert ended(thread)


def test_what_is_left_is_published_when_it_is_closed(place: Place) -> None:
    thread = run(place)
    wait_until(lambda: place.published == place.head(0))
    append(place.log, put("a"))
    place.publisher.close()
    assert ended(thread)
    assert place.published == place.head(1)


def test_who_closes_does_not_wait_for_a_store_that_is_away(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaf = Deaf(Unavailable("cut off"), Unavailable("cut off"))
    deaf.install(place, monkeypatch)
    append(place.log, put("a"))
    assert not place.publisher.publish()
    place.publisher.close()
    place.publisher.renew()
    assert len(deaf.errors) == 1
    assert place.published is None


def test_a_thread_that_comes_after_it_was_closed_ends(place: Place) -> None:
    """As when a datamanager is closed at once: its thread was made and did not run yet."""
    place.publisher.close()
    assert ended(run(place))


def test_a_thread_that_is_just_about_to_wait_when_it_is_closed_ends(world: World) -> None:
    class Threads(SystemThreads):
        closing = False

        def gate(self) -> Gate:
            if self.closing:
                self.closing = False
                place.publisher.close()
            return super().gate()

    threads = Threads(world.clock)
    place = Place(world, threads)
    place.publisher.publish()
    threads.closing = True
    assert ended(run(place))


def test_a_thread_rests_while_it_fails_and_goes_on_when_the_store_is_put_right(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    rests: list[float | None] = []

    class RecordingGate:
        def __init__(self, gate: Gate) -> None:
            self.open, self._gate = gate.open, gate

        def wait(self, timeout: float | None = None) -> bool:
            rests.append(timeout)
            return self._gate.wait(timeout)

    class Threads(SystemThreads):
        def gate(self) -> Gate:
            return RecordingGate(super().gate())

    place = Place(world, Threads(world.clock))
    place.publisher.publish()
    thread = run(place)
    place.kv.put("head", json.dumps(asdict(Head("other", 1, 1))).encode())
    append(place.log, put("a"))
    with caplog.at_level(logging.ERROR):
        place.publisher.tell()
        wait_until(lambda: bool(caplog.messages))
    place.kv.delete("head")
    wait_until(lambda: place.published == place.head(1))
    place.publisher.close()
    assert ended(thread)
    assert rests.count(1.0) >= len(caplog.messages)


def test_only_one_key_is_written(place: Place, kv: KeyValueStore) -> None:
    assert [item.key for item in kv.items()] == []
    place.publisher.publish()
    assert [item.key for item in kv.items()] == ["datamanager/head"]
