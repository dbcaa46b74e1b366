"""What one process knows in memory is what a dictionary would say, whatever manifests it takes over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostler.datamanager.manifest import Manifest, first_manifest
from ostler.datamanager.records import Batch, Delete, Put, Token, Transaction
from ostler.datamanager.state import State
from ostler.errors import Conflict, Internal

from .database_support import put

FIRST = replace(first_manifest("cluster", "storage", 0.0), own=b"first")
GROUPS = ("red", "green", "blue")

few = st.sampled_from("abcd")
actions = st.builds(Put, st.sampled_from(["one", "two"]), few, st.binary(max_size=2)) | st.builds(
    Delete, st.sampled_from(["one", "two"]), few
)
transactions = st.builds(
    Transaction,
    st.lists(actions, max_size=3).map(tuple),
    st.lists(st.sampled_from(GROUPS), max_size=2, unique=True).map(tuple),
)
batches = st.lists(transactions, max_size=3)
steps = st.lists(
    batches | st.tuples(st.just("adopt"), st.integers(0, 12), st.integers(0, 12)), max_size=14
)


def follow(state: State, *transactions: Transaction, size: int = 10) -> Batch:
    """Return the batch that comes next."""
    number = state.commit + 1
    return Batch(number, state.digest, "w", transactions, f"d{number}".encode(), size)


def manifest_at(
    commit: int, *, number: int = 2, groups: dict[str, int] | None = None, floor: int = 0
) -> Manifest:
    digest = FIRST.digest if commit == 0 else f"d{commit}".encode()
    return replace(
        FIRST, number=number, commit=commit, digest=digest, groups=groups or {}, floor=floor
    )


@dataclass
class Model:
    """Everything that ever happened."""

    commit: int = 0
    history: list[Iterable[Transaction]] = field(default_factory=list)

    def moves(self, upto: int) -> dict[str, int]:
        moves: dict[str, int] = {}
        for number, transactions in enumerate(self.history[:upto], start=1):
            for each in transactions:
                moves.update(dict.fromkeys(each.groups, number))
        return moves

    def changes(self, after: int) -> dict[tuple[str, str], tuple[int, bytes | None]]:
        """Return what was written after a commit."""
        found: dict[tuple[str, str], tuple[int, bytes | None]] = {}
        for number, transactions in enumerate(self.history, start=1):
            for each in transactions:
                for action in each.actions:
                    data = action.data if isinstance(action, Put) else None
                    found[action.type, action.id] = (number, data)
        return {key: item for key, item in found.items() if item[0] > after}


def flat(state: State) -> dict[tuple[str, str], tuple[int, bytes | None]]:
    return {
        (kind, name): item for kind, items in state.changes.items() for name, item in items.items()
    }


@given(steps)
@settings(deadline=None, max_examples=60, derandomize=True)
def test_a_state_is_what_a_dictionary_says(steps: list[object]) -> None:
    state, model = State.at(FIRST), Model()
    covered = floor = 0
    for number, step in enumerate(steps, start=2):
        if isinstance(step, list):
            model.history.append(step)
            model.commit += 1
            state.apply(follow(state, *step))
        else:
            _adopt, commit, forgotten = step  # type: ignore[misc]
            covered = max(covered, min(commit, model.commit))
            floor = max(floor, min(forgotten, covered))
            groups = {name: at for name, at in model.moves(covered).items() if at > floor}
            state.adopt(manifest_at(covered, number=number, groups=groups, floor=floor))
        assert (state.commit, state.manifest.commit, state.floor) == (model.commit, covered, floor)
        assert flat(state) == model.changes(covered)
        assert all(state.changes.values())
        assert state.log_bytes == 10 * (model.commit - covered)
        assert state.groups == {
            name: at for name, at in model.moves(model.commit).items() if at > floor
        }


@given(steps, st.lists(st.tuples(st.integers(0, 14), st.sets(st.sampled_from(GROUPS)))))
@settings(deadline=None, max_examples=60, derandomize=True)
def test_tokens_are_refused_as_by_one_who_forgets_nothing(
    steps: list[object], tokens: list[tuple[int, set[str]]]
) -> None:
    state, model = State.at(FIRST), Model()
    for number, step in enumerate(steps, start=2):
        if isinstance(step, list):
            model.history.append(step)
            state.apply(follow(state, *step))
        else:
            covered = min(step[1], state.commit)  # type: ignore[index]
            floor = min(step[2], covered)  # type: ignore[index]
            if covered < state.manifest.commit or floor < state.floor:
                continue
            state.adopt(manifest_at(covered, number=number, floor=floor))
    moves = model.moves(state.commit)
    for at, groups in tokens:
        token = Token(min(at, state.commit), tuple(groups))
        moved = any(moves.get(group, 0) > token.number for group in groups)
        assert refused(state, token) == (moved or token.number < state.floor)


def refused(state: State, token: Token, moved: Iterable[str] = ()) -> bool:
    try:
        state.check(token, moved)
    except Conflict as error:
        return error.code == "changed"
    return False


def test_a_refusal_names_the_group() -> None:
    state = State.at(FIRST)
    state.apply(follow(state, put("a", b"", "red")))
    with pytest.raises(Conflict, match="the change group 'red' was changed by somebody else"):
        state.check(Token(0, ("green", "red")))
    state.check(Token(1, ("green", "red")))


def test_a_group_that_the_same_batch_moves_is_refused() -> None:
    state = State.at(FIRST)
    assert refused(state, Token(0, ("red",)), {"red"})
    assert not refused(state, Token(0, ("red",)), {"green"})


def test_what_is_older_than_the_memory_is_refused() -> None:
    state = State.at(manifest_at(5, floor=4))
    with pytest.raises(Conflict, match="what commit 3 showed is too old to be compared"):
        state.check(Token(3, ()))
    assert not refused(state, Token(4, ("red",)))


def test_a_manifest_begins_a_state() -> None:
    manifest = manifest_at(5, groups={"red": 3}, floor=2)
    state = State.at(manifest)
    assert (state.manifest, state.commit, state.digest) == (manifest, 5, b"d5")
    assert (state.groups, state.floor, state.changes) == ({"red": 3}, 2, {})
    state.apply(follow(state, put("a", b"", "red")))
    assert manifest.groups == {"red": 3}


def test_a_manifest_that_is_further_replaces_everything() -> None:
    state = State.at(FIRST)
    state.apply(follow(state, put("a", b"", "red")))
    further = manifest_at(9, groups={"green": 8}, floor=3)
    state.adopt(further)
    assert state == State.at(further)
    state.apply(follow(state, put("b")))
    assert (state.commit, state.log_bytes, state.recent_bytes) == (10, 10, 10)


def test_a_manifest_made_of_another_commit_is_damaged() -> None:
    state = State.at(FIRST)
    state.apply(follow(state, put("a")))
    other = replace(manifest_at(1), digest=b"other")
    with pytest.raises(Internal, match="it was made of another commit 1") as caught:
        state.adopt(other)
    assert caught.value.details == {"object": "manifest/00000000000000000002"}
    assert state.manifest == FIRST


def test_the_newest_objects_are_remembered_up_to_a_number() -> None:
    state = State.at(FIRST)
    for _ in range(300):
        state.apply(follow(state, put("a")))
    assert [batch.number for batch in state.recent] == list(range(45, 301))
    assert state.recent_bytes == 2560
    assert [state.digest_at(number) for number in (44, 45, 300)] == [None, b"d45", b"d300"]


def test_the_newest_objects_are_remembered_up_to_a_size() -> None:
    state = State.at(FIRST)
    for _ in range(5):
        state.apply(follow(state, put("a"), size=5 << 20))
    assert [batch.number for batch in state.recent] == [3, 4, 5]
    state.apply(follow(state, put("a"), size=20 << 20))
    assert ([batch.number for batch in state.recent], state.recent_bytes) == ([6], 20 << 20)


def test_nothing_was_taken_in_yet() -> None:
    assert State.at(FIRST).digest_at(1) is None


def test_what_was_remembered_stays_when_a_manifest_covers_it() -> None:
    state = State.at(FIRST)
    for _ in range(3):
        state.apply(follow(state, put("a")))
    state.adopt(manifest_at(2))
    assert state.digest_at(1) == b"d1"


def test_a_snapshot_stays_as_it_is() -> None:
    state = State.at(FIRST)
    state.apply(follow(state, put("a", b"old", "red")))
    snapshot = state.snapshot()
    state.apply(follow(state, put("a", b"new", "red", "green"), put("b")))
    state.adopt(manifest_at(2, floor=1))
    assert (snapshot.commit, snapshot.digest, snapshot.manifest) == (1, b"d1", FIRST)
    assert snapshot.changes == {"one": {"a": (1, b"old")}}
    assert (snapshot.groups, snapshot.floor) == ({"red": 1}, 0)
