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
        (["own", "other", "own"], 5.0),
        (["a", "b", "c", "b"], 15.0),
        (["other", *["own"] * 15], 5.0),
        (["other", *["own"] * 16], 0.0),
    ],
)
def test_the_more_others_wrote_lately_the_longer_they_are_let_in(
    turns: Turns, writers: list[str], seconds: float
) -> None:
    assert turns.won(written(*writers), 2.0) == seconds


def test_who_loses_again_and_again_asks_for_a_turn(turns: Turns, kv: KeyValueStore) -> None:
    turns.lost()
    assert kv.get("turn") is None
    turns.lost()
    item = kv.get("turn")
    assert item is not None
    assert item.value == b"own"


def test_who_wins_in_between_does_not_ask(turns: Turns, kv: KeyValueStore) -> None:
    for _ in range(3):
        turns.lost()
        turns.won(written(), 1.0)
    assert kv.get("turn") is None


def test_who_is_asked_lets_the_other_one_in_once(turns: Turns, kv: KeyValueStore) -> None:
    other = Turns(kv, "other")
    other.lost()
    other.lost()
    turns.look()
    assert kv.get("turn") is None
    assert [turns.won(written(), 2.0) for _ in range(2)] == [10.0, 0.0]


def test_the_longer_time_counts(turns: Turns, kv: KeyValueStore) -> None:
    kv.put("turn", b"other")
    turns.look()
    assert turns.won(written("a", "b", "c"), 2.0) == 15.0


def test_nobody_answers_to_itself(turns: Turns, kv: KeyValueStore) -> None:
    turns.lost()
    turns.lost()
    turns.look()
    assert kv.get("turn") is not None
    assert turns.won(written(), 2.0) == 0.0


def test_a_store_that_cannot_be_reached_matters_to_nobody(
    kv_driver: SqliteDriver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*arguments: object) -> None:
        raise Unavailable("cut off")

    monkeypatch.setattr(kv_driver, "get", fail)
    monkeypatch.setattr(kv_driver, "txn", fail)
    store = KeyValueStore(kv_driver, clock=StillClock(), retry=RetryPolicy(attempts=1))
    turns = Turns(store, "own")
    with caplog.at_level(logging.DEBUG):
        turns.look()
        turns.lost()
        turns.lost()
    assert caplog.messages == ["processes cannot take turns now: cut off"] * 2
    assert turns.won(written("other"), 2.0) == 5.0
