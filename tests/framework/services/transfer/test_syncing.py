from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostler.errors import Conflict, Forbidden, Internal, NotFound, Unavailable
from ostler.services.transfer import Observer, Place, Rule, Step, Task, sync
from ostler.spi.storage import Capabilities, ObjectInfo, Readable

from .conftest import Held, Unordered, contents, fill, place_on

OBJECTS = st.dictionaries(
    st.sampled_from(["a", "a-b", "a/b", "ab", "b/c", "é", "z"]), st.binary(max_size=2)
)
PREFIXES = st.sampled_from(["", "p/", "p/q/"])
DELETE = Rule(delete=True)


class Files(Held):
    """A key cannot be the beginning of another."""

    def put(
        self, key: str, source: Readable, *, size: int | None, persist: bool, if_absent: bool
    ) -> ObjectInfo:
        for other in self._keys:
            if other.startswith(f"{key}/") or key.startswith(f"{other}/"):
                raise Conflict(f"{key!r} cannot be beside {other!r}", code="key_conflict")
        return super().put(key, source, size=size, persist=persist, if_absent=if_absent)


class Late(Held):
    """Its listings do not show what was just written."""

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(consistent_list=False)


def outcome(report: object) -> tuple[int, int, int, int, int]:
    return tuple(getattr(report, name) for name in ("copied", "same", "removed", "gone", "failed"))  # type: ignore[return-value]


@given(OBJECTS, OBJECTS, PREFIXES, PREFIXES, st.booleans(), st.booleans())
def test_the_target_becomes_what_the_source_is_and_a_second_sync_does_nothing(
    sources: dict[str, bytes],
    targets: dict[str, bytes],
    source_prefix: str,
    target_prefix: str,
    delete: bool,
    checksum: bool,
) -> None:
    source = place_on(Held(), source_prefix)
    target = place_on(Held(), target_prefix)
    fill(source, sources)
    fill(target, targets)
    rule = Rule(delete=delete, checksum=checksum)
    steps: list[Step] = []
    sync(source, target, Task(jobs=2), rule, steps.append)
    assert contents(target) == targets
    first = sync(source, target, Task(jobs=2), rule)
    assert contents(target) == (sources if delete else {**targets, **sources})
    different = {name for name, data in sources.items() if targets.get(name) != data}
    extra = targets.keys() - sources.keys() if delete else set()
    assert outcome(first) == (len(different), len(sources) - len(different), len(extra), 0, 0)
    assert {step.name for step in steps if step.action == "copy"} == different
    assert {step.name for step in steps if step.action == "delete"} == extra
    assert outcome(sync(source, target, Task(jobs=2), rule)) == (0, len(sources), 0, 0, 0)


def two(source: Held, target: Held) -> tuple[Place, Place]:
    return place_on(source), place_on(target)


def test_what_fails_is_told_and_stops_nothing_but_the_removal(source: Held, target: Held) -> None:
    one, other = two(source, target)
    fill(one, {"a": b"1", "b": b"2", "c": b"3", "d": b"4"})
    fill(other, {"old": b""})
    source.faults["get", "b"] = Unavailable("the source is down")
    target.faults["put", "c"] = Forbidden("not allowed")
    report = sync(one, other, Task(), DELETE)
    assert contents(other) == {"a": b"1", "d": b"4", "old": b""}
    assert outcome(report) == (2, 0, 0, 0, 2)
    told = {failure.name: str(failure.error) for failure in report.failures}
    assert told == {"b": "the source is down", "c": "not allowed"}
    source.faults.clear()
    target.faults.clear()
    assert outcome(sync(one, other, Task(), DELETE)) == (2, 2, 1, 0, 0)
    assert contents(other) == contents(one)


def test_a_comparison_that_fails_is_told(source: Held, target: Held) -> None:
    one, other = two(source, target)
    fill(one, {"a": b"1"})
    fill(other, {"a": b"2"})
    target.faults["get", "a"] = Unavailable("the target is down")
    report = sync(one, other, Task(), Rule(checksum=True))
    assert [(each.name, str(each.error)) for each in report.failures] == [
        ("a", "the target is down")
    ]
    target.faults.clear()
    assert contents(other) == {"a": b"2"}


@pytest.mark.parametrize("targets", [{}, {"a": b"2"}])
def test_what_vanishes_meanwhile_is_told_and_no_failure(
    source: Held, target: Held, targets: dict[str, bytes]
) -> None:
    one, other = two(source, target)
    fill(one, {"a": b"1", "b": b"2"})
    fill(other, targets)
    source.before = lambda what, key: one.storage.delete("a")
    report = sync(one, other, Task(jobs=1))
    assert (report.vanished, outcome(report)) == (["a"], (1, 0, 0, 1, 0))


def test_a_bucket_that_is_missing_is_no_vanished_object(source: Held, target: Held) -> None:
    one, other = two(source, target)
    fill(one, {"a": b"1"})
    target.faults["put", "a"] = NotFound("there is no such bucket")
    assert outcome(sync(one, other, Task())) == (0, 0, 0, 0, 1)


def test_times_decide_where_they_can(source: Held, target: Held) -> None:
    one, other = two(source, target)
    fill(one, {"newer": b"1", "older": b"1", "close": b"1", "alike": b"1"})
    fill(other, {"newer": b"2", "older": b"2", "close": b"2", "alike": b"1"})
    for name, source_time in {"newer": 200.0, "older": 50.0, "close": 100.5, "alike": 99.5}.items():
        source.dated(name, source_time)
        target.dated(name, 100.0)
    report = sync(one, other, Task())
    assert outcome(report) == (2, 2, 0, 0, 0)
    assert contents(other) == {"newer": b"1", "older": b"2", "close": b"1", "alike": b"1"}
    sync(one, other, Task(), Rule(checksum=True))
    assert contents(other) == contents(one)


def test_what_changes_while_it_is_copied_is_not_missed(source: Held, target: Held) -> None:
    """The target is written after the source was, so its time would hide the change for ever."""
    one, other = two(source, target)
    fill(one, {"a": b"1"})
    source.dated("a", 50.0)
    changes = [b"2"]

    def before(what: str, key: str) -> None:
        if changes:
            one.storage.put("a", changes.pop())
            source.dated("a", 60.0)

    target.time, target.before = 100.0, before
    sync(one, other, Task())
    assert contents(other) == {"a": b"2"}


def test_a_key_that_is_in_the_way_goes_first(source: Held) -> None:
    target = Files()
    one, other = place_on(source), place_on(target)
    fill(one, {"a/b": b"1", "c": b"2"})
    fill(other, {"a": b"", "c/d": b""})
    assert outcome(sync(one, other, Task())) == (0, 0, 0, 0, 2)
    assert outcome(sync(one, other, Task(), DELETE)) == (2, 0, 2, 0, 0)
    assert contents(other) == contents(one)


def test_keys_that_cannot_be_beside_each_other_are_failures(source: Held) -> None:
    one, other = place_on(source), place_on(Files())
    fill(one, {"a": b"1", "a/b": b"2"})
    report = sync(one, other, Task(jobs=1), DELETE)
    assert (outcome(report), report.failures[0].name) == ((1, 0, 0, 0, 1), "a/b")


def test_a_listing_out_of_order_is_refused_before_anything_is_removed(target: Held) -> None:
    one, other = place_on(Unordered()), place_on(target)
    fill(one, {"a": b"", "b": b""})
    fill(other, {"a": b"", "b": b"", "z": b""})
    with pytest.raises(Internal, match="not the order of keys"):
        sync(one, other, Task(), DELETE)
    assert sorted(contents(other)) == ["a", "b", "z"]


def test_what_a_late_listing_does_not_show_is_not_removed(target: Held) -> None:
    source = Late()
    one, other = place_on(source), place_on(target, "p/")
    fill(one, {"a": b"", "late": b""})
    fill(other, {"late": b"", "old": b""})
    source._keys.remove("late")
    report = sync(one, other, Task(), DELETE)
    assert (report.removed, sorted(contents(other))) == (1, ["a", "late"])


def test_stopped_it_removes_nothing_and_the_next_one_finishes(source: Held, target: Held) -> None:
    one, other = two(source, target)
    fill(one, {f"{number:03}": b"x" for number in range(50)})
    fill(other, {"old": b""})
    task = Task(jobs=2)
    target.before = lambda what, key: task.stop.set() if key == "010" else None
    with pytest.raises(Conflict) as caught:
        sync(one, other, task, DELETE)
    assert caught.value.code == "cancelled"
    assert 0 < len(target.puts) - 1 < 50
    assert target.has("old")
    before = set(target.puts)
    target.before = lambda what, key: None
    sync(one, other, Task(), DELETE)
    assert contents(other) == contents(one)
    assert len(target.puts) == 51
    assert before < set(target.puts)


def test_the_observer_counts_each_byte_once(source: Held, target: Held) -> None:
    one, other = two(source, target)
    fill(one, {"new": b"12", "same": b"345", "differs": b"6789"})
    fill(other, {"same": b"345", "differs": b"6780"})

    class Counting(Observer):
        bytes = 0
        lock = threading.Lock()

        def moved(self, name: str, count: int) -> None:
            with self.lock:
                self.bytes += count

    counting = Counting()
    sync(one, other, Task(observer=counting), Rule(checksum=True))
    assert counting.bytes == 9
