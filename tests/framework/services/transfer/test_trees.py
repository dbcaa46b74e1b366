from __future__ import annotations

import pytest

from ostler.errors import Conflict, Unavailable
from ostler.services.transfer import Task, copy_tree

from .conftest import Held, contents, fill, place_on


def test_everything_below_a_prefix_keeps_its_name(source: Held, target: Held) -> None:
    one, other = place_on(source, "p/"), place_on(target, "q/r/")
    fill(place_on(source), {"p/a": b"1", "p/b/c": b"2", "pa": b"3", "p": b"4"})
    report = copy_tree(one, other, Task())
    assert contents(place_on(target)) == {"q/r/a": b"1", "q/r/b/c": b"2"}
    assert (report.copied, report.size) == (2, 2)


@pytest.mark.parametrize(("if_absent", "copied", "stored"), [(False, 2, b"new"), (True, 1, b"old")])
def test_what_is_there_is_replaced_unless_told_otherwise(
    source: Held, target: Held, if_absent: bool, copied: int, stored: bytes
) -> None:
    one, other = place_on(source), place_on(target)
    fill(one, {"a": b"new", "b": b""})
    fill(other, {"a": b"old"})
    report = copy_tree(one, other, Task(), if_absent=if_absent)
    assert (report.copied, report.same) == (copied, 2 - copied)
    assert contents(other)["a"] == stored


def test_failures_and_what_vanishes_are_reported(source: Held, target: Held) -> None:
    one, other = place_on(source), place_on(target)
    fill(one, {"a": b"", "b": b"", "c": b""})
    target.faults["put", "a"] = Unavailable("down")
    source.before = lambda what, key: one.storage.delete("b")
    report = copy_tree(one, other, Task(jobs=1))
    assert (report.copied, report.vanished, report.failures[0].name) == (1, ["b"], "a")


def test_it_stops(source: Held, target: Held) -> None:
    one, other = place_on(source), place_on(target)
    fill(one, {"a": b""})
    task = Task()
    task.stop.set()
    with pytest.raises(Conflict) as caught:
        copy_tree(one, other, task)
    assert (caught.value.code, contents(other)) == ("cancelled", {})
