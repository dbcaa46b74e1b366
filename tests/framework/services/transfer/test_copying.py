from __future__ import annotations

import pytest

from ostler.clock import SystemClock
from ostler.errors import Conflict, NotFound, Unavailable
from ostler.ost import ObjectStorage
from ostler.retry import RetryPolicy
from ostler.services.transfer import Observer, Task, copy_object
from ostler.services.transfer.sources import Vanished
from ostler.spi.storage import ObjectInfo, Readable

from .conftest import Held, place_on


class Watched(Observer):
    def __init__(self) -> None:
        self.bytes = 0
        self.told: list[object] = []

    def began(self, name: str, size: int | None) -> None:
        self.told.append((name, size))

    def moved(self, name: str, count: int) -> None:
        self.bytes += count

    def ended(self, name: str) -> None:
        self.told.append(name)


class Breaking(Held):
    """Fails after it has read all bytes, as often as is said."""

    breaks = 0

    def put(
        self, key: str, source: Readable, *, size: int | None, persist: bool, if_absent: bool
    ) -> ObjectInfo:
        if self.breaks:
            self.breaks -= 1
            while source.read(2):
                pass
            raise Unavailable("the line broke")
        return super().put(key, source, size=size, persist=persist, if_absent=if_absent)


def test_an_object_comes_over_with_its_size(source: Held, target: Held) -> None:
    one, other = place_on(source).storage, place_on(target).storage
    one.put("a", b"12345")
    watched = Watched()
    stored = copy_object((one, "a"), (other, "b"), Task(observer=watched), name="n")
    assert (stored.key, stored.size, other.read("b")) == ("b", 5, b"12345")
    assert (watched.bytes, watched.told) == (5, [("n", 5), "n"])


def test_a_put_that_breaks_is_done_again_from_the_start(source: Held) -> None:
    one = place_on(source).storage
    one.put("a", b"12345")
    target = Breaking()
    target.breaks = 2
    policy = RetryPolicy(attempts=3, first=0.0)
    other = ObjectStorage(target, clock=SystemClock(), retry=policy)
    watched = Watched()
    copy_object((one, "a"), (other, "b"), Task(observer=watched))
    assert (other.read("b"), watched.bytes) == (b"12345", 5)


def test_the_bytes_of_what_is_given_up_do_not_count(source: Held) -> None:
    one = place_on(source).storage
    one.put("a", b"12345")
    target = Breaking()
    target.breaks = 1
    watched = Watched()
    with pytest.raises(Unavailable, match="the line broke"):
        copy_object((one, "a"), (place_on(target).storage, "b"), Task(observer=watched))
    assert (watched.bytes, watched.told) == (0, [("a", 5), "a"])


def test_a_source_that_is_replaced_during_a_retry_is_copied_anew(source: Held) -> None:
    one = place_on(source).storage
    one.put("a", b"old")
    target = Breaking()
    target.breaks = 1
    gets: list[str] = []

    def before(what: str, key: str) -> None:
        if what == "get":
            gets.append(key)
            if len(gets) == 2:
                one.put("a", b"newer")

    source.before = before
    other = ObjectStorage(target, clock=SystemClock(), retry=RetryPolicy(attempts=2, first=0.0))
    watched = Watched()
    copy_object((one, "a"), (other, "b"), Task(observer=watched))
    assert (other.read("b"), watched.bytes) == (b"newer", 5)


def test_what_was_replaced_meanwhile_is_copied_again_when_that_is_wanted(
    source: Held, target: Held
) -> None:
    one, other = place_on(source).storage, place_on(target).storage
    one.put("a", b"old")
    versions = [b"new", b"newest"]

    def before(what: str, key: str) -> None:
        if versions:
            one.put("a", versions.pop(0))

    target.before = before
    watched = Watched()
    copy_object((one, "a"), (other, "b"), Task(observer=watched), settled=True)
    assert (other.read("b"), watched.bytes) == (b"newest", 6)


def test_what_never_rests_is_a_conflict(source: Held, target: Held) -> None:
    one, other = place_on(source).storage, place_on(target).storage
    one.put("a", b"old")
    target.before = lambda what, key: one.put("a", b"new") and None
    with pytest.raises(Conflict) as caught:
        copy_object((one, "a"), (other, "b"), Task(), settled=True)
    assert caught.value.code == "changing"
    assert other.read("b") == b"new"


def test_what_exists_is_left_alone_if_that_is_wanted(source: Held, target: Held) -> None:
    one, other = place_on(source).storage, place_on(target).storage
    one.put("a", b"new")
    other.put("a", b"old")
    with pytest.raises(Conflict) as caught:
        copy_object((one, "a"), (other, "a"), Task(), if_absent=True)
    assert (caught.value.code, other.read("a")) == ("exists", b"old")


def test_a_source_that_is_not_there_is_told_from_a_missing_target(
    source: Held, target: Held
) -> None:
    one, other = place_on(source).storage, place_on(target).storage
    with pytest.raises(Vanished):
        copy_object((one, "a"), (other, "a"), Task())
    one.put("a", b"")
    target.faults["put", "a"] = NotFound("there is no such bucket")
    with pytest.raises(NotFound) as caught:
        copy_object((one, "a"), (other, "a"), Task())
    assert not isinstance(caught.value, Vanished)


def test_stopped_in_the_middle_it_stores_nothing(source: Held, target: Held) -> None:
    one, other = place_on(source).storage, place_on(target).storage
    one.put("a", b"x" * (3 << 20))
    task = Task()

    class Stopping(Observer):
        def moved(self, name: str, count: int) -> None:
            task.stop.set()

    with pytest.raises(Conflict) as caught:
        copy_object((one, "a"), (other, "a"), Task(stop=task.stop, observer=Stopping()))
    assert (caught.value.code, target.has("a")) == ("cancelled", False)
