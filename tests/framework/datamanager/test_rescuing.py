from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ostler.datamanager import Delete, Rescue, rescue
from ostler.errors import Internal, NotFound

from .opened_support import Opened


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """A database with two checkpoints and a log after each: commits 1, 2 | 3, 4 | 5, 6."""
    made = Opened(tmp_path)
    made.put("1", "both")
    made.put("2", type="b")
    made.database.checkpoint()
    made.put("3")
    made.database.commit([Delete("a", "1")])
    made.database.checkpoint()
    made.put("5")
    made.put("both", data=b"new")
    yield made
    made.close()


def found(rescued: Rescue) -> dict[str, bytes]:
    return {f"{put.type}/{put.id}": put.data for put in rescued.entries()}


WHOLE = {"a/3": b"x", "a/5": b"x", "a/both": b"new", "b/2": b"x"}


def test_of_a_whole_database_everything_is_read(opened: Opened) -> None:
    rescued = rescue(opened.ost)
    assert (found(rescued), rescued.commit, rescued.problems) == (WHOLE, 6, ())
    assert rescued.cluster == opened.database.cluster


@pytest.mark.parametrize(
    ("up_to", "expected"),
    [
        (5, {"a/3", "a/5", "a/both", "b/2"}),
        (4, {"a/3", "a/both", "b/2"}),
        (3, {"a/1", "a/3", "a/both", "b/2"}),
        (2, {"a/1", "a/both", "b/2"}),
        (1, {"a/1", "a/both"}),
        (0, set()),
    ],
)
def test_up_to_a_commit(opened: Opened, up_to: int, expected: set[str]) -> None:
    rescued = rescue(opened.ost, up_to=up_to)
    assert (set(found(rescued)), rescued.commit, rescued.problems) == (expected, up_to, ())


def test_a_damaged_newest_commit_costs_that_commit(opened: Opened) -> None:
    newest = opened.keys("wal/")[-1]
    opened.damage(newest)
    rescued = rescue(opened.ost)
    assert found(rescued) == {**WHOLE, "a/both": b"x"}
    (problem,) = {problem.object: problem for problem in rescued.problems}.values()
    assert problem.object == newest
    assert "Commits 6 to 6 are not saved" in problem.reason
    assert rescue(opened.ost, up_to=5).problems == ()


def test_a_missing_commit_costs_those_after_it(opened: Opened) -> None:
    fifth = opened.keys("wal/")[4]
    opened.ost.delete(fifth)
    rescued = rescue(opened.ost)
    assert (rescued.commit, set(found(rescued))) == (4, {"a/3", "a/both", "b/2"})
    assert "Commits 5 to 6 are not saved" in rescued.problems[0].reason


def test_a_commit_of_another_history_is_not_taken_in(opened: Opened, tmp_path: Path) -> None:
    other = Opened(tmp_path / "other")
    for _ in range(6):
        other.put("foreign")
    key = opened.keys("wal/")[-1]
    opened.ost.put(key, other.ost.read(key))
    other.close()
    rescued = rescue(opened.ost)
    assert rescued.commit == 5
    assert "does not follow" in rescued.problems[0].reason


def test_a_damaged_newest_manifest_costs_nothing_while_the_log_is_kept(opened: Opened) -> None:
    newest = opened.keys("manifest/")[-1]
    opened.damage(newest)
    rescued = rescue(opened.ost)
    assert found(rescued) == WHOLE
    assert [problem.object for problem in rescued.problems] == [newest]


def test_a_missing_data_file_costs_nothing_while_an_older_manifest_has_its_entries(
    opened: Opened,
) -> None:
    newest = sorted(opened.keys("data/"))[-1]
    opened.ost.delete(newest)
    assert found(rescue(opened.ost)) == WHOLE


def test_a_missing_data_file_that_nothing_replaces_is_told_with_what_it_held(
    opened: Opened,
) -> None:
    opened.ost.delete_many(opened.keys("manifest/")[:-1])
    lost = opened.keys("data/b/")
    opened.ost.delete_many(lost)
    rescued = rescue(opened.ost)
    assert found(rescued) == {name: data for name, data in WHOLE.items() if name != "b/2"}
    assert [problem.object for problem in rescued.problems] == lost
    assert "1 entries from '2' to '2' are not saved" in rescued.problems[0].reason


def test_without_any_manifest_the_log_is_enough_if_it_is_whole(opened: Opened) -> None:
    opened.ost.delete_many(opened.keys("manifest/"))
    assert found(rescue(opened.ost)) == WHOLE
    opened.ost.delete(opened.keys("wal/")[0])
    with pytest.raises(NotFound, match="no database"):
        rescue(opened.ost)


def test_what_is_beyond_saving_is_said(opened: Opened) -> None:
    for key in opened.keys("manifest/"):
        opened.damage(key)
    opened.ost.delete(opened.keys("wal/")[0])
    with pytest.raises(Internal, match="nothing can be saved"):
        rescue(opened.ost)
