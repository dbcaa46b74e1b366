"""The datamanager on real drivers against a dictionary: whatever hypothesis does to it, both say the same."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from ostler.clock import SystemClock
from ostler.datamanager import (
    Action,
    Datamanager,
    Delete,
    Options,
    Put,
    Token,
    export_lines,
    import_lines,
    rescue,
)
from ostler.errors import BadRequest, Conflict
from ostler.kv import KeyValueStore
from ostler.ost import ObjectStorage
from ostler_memory.driver import MemorySettings, MemoryStorage
from ostler_posix.driver import PosixStorage
from ostler_posix.settings import PosixSettings
from ostler_sqlite.driver import SqliteDriver
from ostler_sqlite.settings import SqliteSettings

TYPES = ("run", "task")
OPTIONS = Options(
    grace=0.0,  # everything is old at once: collecting has something to do
    keep_manifests=1,
    file_size=600,
    block_size=150,
    fanout=3,
    cache_bytes=2_000,
    keep_groups=3,
    batch_bytes=1_000,
)

_FEW = [f"{number:02d}" for number in range(16)]
ids = st.sampled_from(_FEW) | st.text(
    st.characters(exclude_categories=("Cs",)), min_size=1, max_size=6
)
keys = st.tuples(st.sampled_from(TYPES), ids)
values = st.binary(max_size=200)
groups = st.lists(st.sampled_from([f"g{number}" for number in range(8)]), max_size=3, unique=True)
actions = st.lists(
    st.builds(lambda key, value: Put(*key, value), keys, values)
    | st.builds(lambda key: Delete(*key), keys),
    min_size=1,
    max_size=12,
)


class Unmerged:
    """For an import into an empty database: there is nothing to merge with."""

    def groups(self, entry: Put) -> list[str]:
        return []

    def merged(self, entry: Put, here: bytes) -> bytes:
        raise AssertionError(f"{entry} is there twice")


def everything(dm: Datamanager) -> dict[tuple[str, str], bytes]:
    return {(kind, name): data for kind in TYPES for name, data in dm.scan(kind)}


class DatamanagerMachine(RuleBasedStateMachine):
    """One process, one thread, real drivers; what is tested is what it says, not how it fails."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="ostler-model-"))
        self.clock = SystemClock()
        self.ost = self.make_storage()
        self.model: dict[tuple[str, str], bytes] = {}
        self.tokens: list[tuple[Token, set[str]]] = []
        self.number = 0
        self.imports = itertools.count()
        self.history: list[tuple[int, tuple[Action, ...]]] = []
        self.open()

    def make_storage(self) -> ObjectStorage:
        return ObjectStorage(MemoryStorage(MemorySettings()), clock=self.clock)

    def open(self) -> None:
        path = str(self.directory / "kv.sqlite")
        self.kv = KeyValueStore(SqliteDriver(SqliteSettings(path=path)), clock=self.clock)
        self.dm = Datamanager(self.ost, self.kv, types=TYPES, clock=self.clock, options=OPTIONS)
        self.dm.open()

    def teardown(self) -> None:
        self.dm.close()
        self.kv.close()
        self.ost.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def commit(self, changes: list[Action], **arguments: Any) -> None:
        number = self.dm.commit(changes, **arguments)
        assert self.number + 1 == number
        self.number = number
        self.history.append((number, tuple(changes)))
        moved = {*arguments.get("groups", ())}
        if arguments.get("token"):
            moved |= {*arguments["token"].groups}
        for _, since in self.tokens:
            since |= moved
        for change in changes:
            if isinstance(change, Put):
                self.model[change.type, change.id] = change.data
            else:
                self.model.pop((change.type, change.id), None)

    @rule(changes=actions, moved=groups)
    def write(self, changes: list[Action], moved: list[str]) -> None:
        self.commit(changes, groups=moved)

    @rule(key=keys, value=values)
    def put(self, key: tuple[str, str], value: bytes) -> None:
        self.commit([Put(*key, value)])

    @rule(asked=st.lists(keys, max_size=4), names=groups)
    def read(self, asked: list[tuple[str, str]], names: list[str]) -> None:
        reading = self.dm.read(asked, groups=names)
        assert tuple(self.model.get(key) for key in asked) == reading.values
        assert self.number == reading.number
        self.tokens.append((reading.token, set()))

    @rule(changes=actions, at=st.integers(0, 100))
    def write_with_a_token(self, changes: list[Action], at: int) -> None:
        if not self.tokens:
            return
        token, moved = self.tokens.pop(at % len(self.tokens))
        if moved.intersection(token.groups):
            before = dict(self.model)
            with pytest.raises(Conflict):
                self.dm.commit(changes, token=token)
            assert before == self.model
            return
        try:
            self.commit(changes, token=token)
        except Conflict as error:
            if "too old" not in error.message:  # what was long ago is not remembered
                raise

    @rule(
        type=st.sampled_from(TYPES),
        prefix=st.just("") | ids,
        start_after=st.just("") | ids,
        most=st.integers(0, 30),
    )
    def scan(self, type: str, prefix: str, start_after: str, most: int) -> None:
        expected = sorted(
            (name, data)
            for (kind, name), data in self.model.items()
            if kind == type and name.startswith(prefix) and name > start_after
        )
        rows = self.dm.scan(type, prefix=prefix, start_after=start_after)
        assert expected[:most] == list(itertools.islice(rows, most))

    @rule()
    def checkpoint(self) -> None:
        report = self.dm.checkpoint()
        assert self.number == report.commit

    @rule()
    def collect(self) -> None:
        self.dm.collect()

    @rule()
    def verify(self) -> None:
        assert list(self.dm.verify()) == []

    @rule(lost=st.booleans())
    def reopen(self, lost: bool) -> None:
        self.dm.close()
        self.kv.close()
        if lost:
            for path in self.directory.glob("kv.sqlite*"):
                path.unlink()
        self.open()

    @rule()
    def export_and_import(self) -> None:
        lines = list(export_lines(rescue(self.ost)))
        path = str(self.directory / f"import-{next(self.imports)}.sqlite")
        kv = KeyValueStore(SqliteDriver(SqliteSettings(path=path)), clock=self.clock)
        ost = ObjectStorage(MemoryStorage(MemorySettings()), clock=self.clock)
        other = Datamanager(ost, kv, types=TYPES, clock=self.clock, options=OPTIONS)
        other.open()
        done = import_lines(other, lines, merge=Unmerged())
        assert len(self.model) == done.entries == done.written
        assert self.model == everything(other)
        other.close()
        kv.close()

    @rule(ago=st.integers(0, 5))
    def watch(self, ago: int) -> None:
        after = max(0, self.number - ago)
        if after < self.dm.status().checkpoint:
            return  # it may be gone
        with self.dm.watch(after) as watch:
            seen = [(each.number, each.actions) for each in watch.next(0)]
        assert self.history[after:] == seen

    @rule(kind=st.sampled_from(["other", "", "Run"]))
    def undeclared(self, kind: str) -> None:
        with pytest.raises(BadRequest):
            self.dm.commit([Put(kind, "a", b"")])

    @invariant()
    def everything_is_there(self) -> None:
        assert self.model == everything(self.dm)


class PosixMachine(DatamanagerMachine):
    """On a file system."""

    def make_storage(self) -> ObjectStorage:
        path = str(self.directory / "objects")
        driver = PosixStorage(PosixSettings(path=path, persist=False))
        return ObjectStorage(driver, clock=self.clock).with_prefix("below/")


MACHINES = {"memory": DatamanagerMachine, "posix": PosixMachine}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("storage", MACHINES)
def test_says_what_a_dictionary_says(storage: str) -> None:
    limits = settings(
        max_examples=8,
        stateful_step_count=25,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(MACHINES[storage], settings=limits)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("storage", MACHINES)
def test_says_what_a_dictionary_says_for_long(storage: str) -> None:
    """100,000 steps in all."""
    limits = settings(
        max_examples=500,
        stateful_step_count=100,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(MACHINES[storage], settings=limits)
