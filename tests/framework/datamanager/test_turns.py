"""Processes that write let each other in."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from ostler.datamanager.manifest import first_manifest
from ostler.datamanager.records import Batch
from ostler.datamanager.state import State
from ostler.datamanager.turns import Turns
from ostler.errors import Unavailable
from ostler.kv import KeyValueStore
from ostler.retry import RetryPolicy
from ostler_sqlite.driver import SqliteDriver

from .database_support import StillClock


def written(*writers: str) -> State:
    """Return the state after commits of these processes."""
    state = State.at(replace(first_manifest("cluster", "storage", 0.0)))
    for writer in writers:
        state.apply(Batch(state.commit + 1, state.digest, writer, (), b"d", 1))
    return state


@pytest.fixture
def turns(kv: KeyValueStore) -> Turns:
    return Turns(kv, "own")


@pytest.mark.parametrize(
    ("writers", "seconds"),
    [
        ([], 0.0),
        (["own"] * 20, 0.0),
        (["own", "other", "own"], 0.1),
        (["a", "b", "c", "b"], 0.3),
        (["other", *["own"] * 15], 0.1),
        (["other", *["own"] * 16], 0.0),
    ],
)
def test_the_more_others_wrote_lately_the_longer_they_are_let_in(
    turns: Turns, writers: list[str], seconds: float
) -> None:
    assert turns.won(written(*writers), 0.04) == pytest.approx(seconds)


def test_a_commit_that_was_held_up_counts_as_one_that_was_not(turns: Turns) -> None:
    assert turns.won(written("other"), 60.0) == 0.25


def lose(turns: Turns, times: int) -> list[bool]:
    """Lose, and ask when that is wanted, as the publisher does."""
    wanted = []
    for _ in range(times):
        wanted.append(turns.lost())
        assert turns.asks == wanted[-1]
        turns.ask()
    return wanted


def test_who_loses_again_and_again_asks_for_a_turn(turns: Turns, kv: KeyValueStore) -> None:
    assert (lose(turns, 1), kv.get("turn")) == ([False], None)
    assert (lose(turns, 1), turns.asks) == ([True], False)
    item = kv.get("turn")
    assert item is not None
    assert item.value == b"own"
    assert lose(turns, 4) == [False, True, False, True]


def test_who_wants_to_ask_does_not_forget_it(turns: Turns, kv: KeyValueStore) -> None:
    assert [turns.lost() for _ in range(3)] == [False, True, True]
    assert kv.get("turn") is None
    turns.ask()
    assert kv.get("turn") is not None


def test_who_does_not_want_to_ask_asks_nothing(turns: Turns, kv: KeyValueStore) -> None:
    turns.ask()
    assert (turns.asks, kv.get("turn")) == (False, None)


def test_who_wins_in_between_does_not_ask(turns: Turns, kv: KeyValueStore) -> None:
    for _ in range(3):
        lose(turns, 1)
        turns.won(written(), 1.0)
    assert kv.get("turn") is None


def test_who_is_asked_lets_the_other_one_in_once(turns: Turns, kv: KeyValueStore) -> None:
    lose(Turns(kv, "other"), 2)
    turns.look()
    assert kv.get("turn") is None
    assert [turns.won(written(), 0.04) for _ in range(2)] == [0.2, 0.0]


def test_the_longer_time_counts(turns: Turns, kv: KeyValueStore) -> None:
    kv.put("turn", b"other")
    turns.look()
    assert turns.won(written("a", "b", "c"), 0.04) == pytest.approx(0.3)


def test_nobody_answers_to_itself(turns: Turns, kv: KeyValueStore) -> None:
    lose(turns, 2)
    turns.look()
    assert kv.get("turn") is not None
    assert turns.won(written(), 0.04) == 0.0


def test_a_store_that_cannot_be_reached_matters_to_nobody(
    kv_driver: SqliteDriver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*arguments: object) -> None:
        raise Unavailable("cut off")

    monkeypatch.setattr(kv_driver, "get", fail)
    monkeypatch.setattr(kv_driver, "txn", fail)
    store = KeyValueStore(kv_driver, clock=StillClock(), retry=RetryPolicy(attempts=1))
    turns = Turns(store, "own")
    with caplog.at_level(logging.DEBUG, logger="ostler"):
        turns.look()
        lose(turns, 2)
    assert caplog.messages == ["processes cannot take turns now: cut off"] * 2
    assert turns.won(written("other"), 0.04) == 0.1
