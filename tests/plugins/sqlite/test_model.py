"""The store against a model that keeps every state it ever had."""

from __future__ import annotations

import shutil
import tempfile
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ostler.errors import Compacted, NotFound
from ostler.spi import Compare, Delete, Event, Get, KeyValue, Put, Target, Watch
from ostler_sqlite.driver import open_driver
from ostler_sqlite.settings import SqliteSettings

KEYS = st.sampled_from(["a", "a-b", "a/b", "a/c", "ab", "b", "é", "\U00010000"])
PREFIXES = st.sampled_from(["", "a", "a/", "b", "é", "z"])
VALUES = st.sampled_from([b"", b"1", b"2"])
OPERATIONS = st.lists(
    st.one_of(
        st.builds(Put, KEYS, VALUES, st.sampled_from([0, 0, 0, 1, 2, 3])),
        st.builds(Delete, KEYS),
        st.builds(Delete, PREFIXES, st.just(True)),
        st.builds(Get, KEYS),
    ),
    max_size=5,
)
COMPARES = st.lists(
    st.one_of(
        st.builds(Compare, KEYS, st.just(Target.VALUE), VALUES),
        st.builds(
            Compare,
            KEYS,
            st.sampled_from([Target.CREATE_REVISION, Target.MOD_REVISION, Target.VERSION]),
            st.integers(0, 6),
        ),
    ),
    max_size=2,
)
State = dict[str, KeyValue]


def written_once(branch: list[Any]) -> list[Any]:
    """Leave out what writes a key that an earlier operation of the branch may have written."""
    kept: list[Any] = []
    for operation in branch:
        clash = any(_overlap(operation, other) for other in kept)
        if isinstance(operation, Get) or not clash:
            kept.append(operation)
    return kept


def _overlap(one: Any, other: Any) -> bool:
    if isinstance(other, Get):
        return False
    prefixes = [each.key for each in (one, other) if isinstance(each, Delete) and each.prefix]
    if not prefixes:
        return bool(one.key == other.key)
    return one.key.startswith(other.key) or other.key.startswith(one.key)


class Model:
    """What the contract says, kept in dictionaries."""

    def __init__(self) -> None:
        self.states: list[State] = [{}, {}]
        self.events: list[Event] = []
        self.leases: set[int] = set()

    @property
    def revision(self) -> int:
        return len(self.states) - 1

    def holds(self, compare: Compare) -> bool:
        item = self.states[-1].get(compare.key)
        if item is None:
            return compare.target is not Target.VALUE and compare.expected == 0
        return bool(getattr(item, compare.target.value) == compare.expected)

    def run(self, branch: list[Any]) -> list[KeyValue | None]:
        state, revision = dict(self.states[-1]), self.revision + 1
        events: list[Event] = []
        reads: list[KeyValue | None] = []
        for operation in branch:
            if isinstance(operation, Get):
                reads.append(state.get(operation.key))
            elif isinstance(operation, Put):
                events.append(self.put(state, revision, operation))
            else:
                events += self.delete(state, revision, operation)
        if events:
            self.states.append(state)
            self.events += events
        return reads

    def put(self, state: State, revision: int, put: Put) -> Event:
        old = state.get(put.key)
        created, version = (old.create_revision, old.version) if old else (revision, 0)
        item = KeyValue(put.key, put.value, created, revision, version + 1, put.lease)
        state[put.key] = item
        return Event(revision, put.key, item)

    def delete(self, state: State, revision: int, delete: Delete) -> list[Event]:
        keys = [delete.key] if not delete.prefix else sorted(state)
        gone = [key for key in keys if key in state and key.startswith(delete.key)]
        for key in gone:
            del state[key]
        return [Event(revision, key, None) for key in gone]

    def revoke(self, lease: int) -> None:
        self.leases.discard(lease)
        held = sorted(key for key, item in self.states[-1].items() if item.lease == lease)
        self.run([Delete(key) for key in held])


class StoreMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.mkdtemp(prefix="ostler-model-")
        self.model = Model()
        self.compacted = 0
        self.watches: list[tuple[str, int, Watch, list[Event]]] = []
        self.open()

    def open(self) -> None:
        self.driver = open_driver(SqliteSettings(path=f"{self.directory}/state.db"))

    @rule(compares=COMPARES, then=OPERATIONS, otherwise=OPERATIONS)
    def txn(self, compares: list[Compare], then: list[Any], otherwise: list[Any]) -> None:
        then, otherwise = written_once(then), written_once(otherwise)
        succeeded = all(map(self.model.holds, compares))
        branch = then if succeeded else otherwise
        named = {each.lease for each in branch if isinstance(each, Put)} - {0}
        if not named <= self.model.leases:
            with pytest.raises(NotFound):
                self.driver.txn(compares, then, otherwise)
            return
        result = self.driver.txn(compares, then, otherwise)
        reads = self.model.run(branch)
        assert result.succeeded == succeeded
        assert result.revision == self.model.revision
        assert list(result.reads) == reads

    @rule(
        prefix=PREFIXES, after=st.one_of(st.just(""), KEYS), limit=st.integers(1, 4), at=st.data()
    )
    def list_at(self, prefix: str, after: str, limit: int, at: st.DataObject) -> None:
        revision = at.draw(st.integers(1, self.model.revision))
        if revision < self.compacted:
            with pytest.raises(Compacted):
                self.driver.list(prefix, start_after=after, limit=limit, revision=revision)
            return
        state = self.model.states[revision]
        keys = [key for key in sorted(state) if key.startswith(prefix) and key > after]
        page = self.driver.list(prefix, start_after=after, limit=limit, revision=revision)
        assert list(page.items) == [state[key] for key in keys[:limit]]
        assert page.more == (len(keys) > limit)

    @rule(prefix=PREFIXES, at=st.data())
    def watch(self, prefix: str, at: st.DataObject) -> None:
        revision = at.draw(st.integers(max(1, self.compacted), self.model.revision + 1))
        self.watches.append((prefix, revision, self.driver.watch(prefix, revision), []))

    @rule()
    @precondition(lambda self: len(self.model.leases) < 3)
    def grant(self) -> None:
        self.model.leases.add(self.driver.grant(600).id)

    @rule(lease=st.integers(1, 4))
    def revoke(self, lease: int) -> None:
        self.driver.revoke(lease)
        self.model.revoke(lease)

    @rule(lease=st.integers(1, 4))
    def keep_alive(self, lease: int) -> None:
        if lease in self.model.leases:
            self.driver.keep_alive(lease)
            return
        with pytest.raises(NotFound):
            self.driver.keep_alive(lease)

    @rule(at=st.data())
    def compact(self, at: st.DataObject) -> None:
        self.read_watches()
        revision = at.draw(st.integers(1, self.model.revision))
        self.driver.compact(revision)
        self.compacted = max(self.compacted, revision)

    @rule()
    def reopen(self) -> None:
        self.read_watches()
        self.driver.close()
        self.watches.clear()
        self.open()

    @rule()
    def read_watches(self) -> None:
        for prefix, revision, watch, told in self.watches:
            expected = [
                event
                for event in self.model.events
                if event.revision >= revision and event.key.startswith(prefix)
            ]
            while len(told) < len(expected):
                told += watch.next(5)
            assert watch.next(0) == ()
            assert told == expected

    @invariant()
    def present(self) -> None:
        page = self.driver.list("", start_after="", limit=100, revision=0)
        state = self.model.states[-1]
        assert list(page.items) == [state[key] for key in sorted(state)]
        assert page.revision == self.model.revision
        assert self.driver.get("a/b") == state.get("a/b")

    def teardown(self) -> None:
        self.read_watches()
        self.driver.close()
        shutil.rmtree(self.directory)


StoreMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestStore = StoreMachine.TestCase
