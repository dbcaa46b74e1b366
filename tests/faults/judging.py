"""What the journals say must be in a database, held against what is there."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from workload import GROUP, WINDOW, Place, close, entry_id, payload

from ostler.datamanager import Datamanager
from ostler.datamanager.names import WALS, number_of
from ostler.datamanager.records import Put, decode_batch
from ostler.errors import NotFound


@dataclass(slots=True)
class Writer:
    """What is known of one writer.

    :param begun: the greatest number that it may have committed.
    :param done: the greatest that was acknowledged.
    :param commit: number of that commit.
    """

    begun: int = 0
    done: int = 0
    commit: int = 0


@dataclass(slots=True)
class Judge:
    """Reads journals as they grow, and judges the database."""

    writers: dict[str, Writer] = field(default_factory=dict)
    open_tries: set[str] = field(default_factory=set)
    counted: dict[int, str] = field(default_factory=dict)
    acknowledged: int = 0
    unknown: int = 0
    _judged: dict[str, int] = field(default_factory=dict)
    _read: dict[Path, int] = field(default_factory=dict)
    _values: Counter[int] = field(default_factory=Counter)

    def hear(self, journal: Path) -> None:
        """Take in what was added to a journal, in its order."""
        with journal.open("rb") as file:
            file.seek(self._read.get(journal, 0))
            text = file.read()
        whole = text.rpartition(b"\n")[0]  # a kill may cut the last line
        self._read[journal] = self._read.get(journal, 0) + len(whole) + bool(whole)
        for line in whole.decode().splitlines():
            kind, *words = line.split(" ")
            assert kind != "!", "a process failed:\n" + json.loads(" ".join(words))
            getattr(self, f"_{kind}")(*words)

    def _unknown(self, writer: str) -> None:
        self.unknown += 1

    def _begin(self, writer: str, number: str) -> None:
        known = self.writers.setdefault(writer, Writer())
        known.begun = max(known.begun, int(number))

    def _done(self, writer: str, number: str, commit: str) -> None:
        known = self.writers[writer]
        assert int(number) == known.done + 1 or int(number) <= known.begun, (writer, number, known)
        assert int(commit) > known.commit, f"{writer}: commit {commit} after {known.commit}"
        known.done, known.commit = int(number), int(commit)
        self.acknowledged += 1

    def _last(self, writer: str, number: str) -> None:
        known = self.writers.setdefault(writer, Writer())
        assert known.done <= int(number) <= known.begun, f"{writer} read {number}: {known}"

    def _try(self, line: str, _value: str) -> None:
        self.open_tries.add(line)

    def _refused(self, line: str) -> None:
        self.open_tries.remove(line)

    def _counted(self, line: str, value: str, _commit: str) -> None:
        other = self.counted.get(int(value))
        assert other is None, f"{other} and {line} both counted {value}"
        self.open_tries.remove(line)
        self.counted[int(value)] = line
        self.acknowledged += 1

    @property
    def due(self) -> bool:
        """Whether so much was written that entries could leave the window unseen."""
        counted = len(self.counted) - self._judged.get(GROUP, 0)
        written = [each.done - self._judged.get(name, 0) for name, each in self.writers.items()]
        return max(counted, *written, 0) > WINDOW // 2

    def judged(self) -> None:
        """Note that everything so far was judged, perhaps by a child."""
        self._judged = {name: each.done for name, each in self.writers.items()}
        self._judged[GROUP] = len(self.counted)

    def judge(self, place: Place) -> None:
        """Open the database anew and hold it against what was heard.

        :raises AssertionError: something is lost, doubled or damaged.
        """
        database = place.open()
        try:
            assert list(database.verify()) == []
            self._judge_entries(database, place.window)
            self._judge_counter(database, place.window)
            _judge_log(database)
            self._judge_manifests(database)
        finally:
            close(database)

    def _judge_entries(self, database: Datamanager, window: int) -> None:
        found = dict(database.scan("entry"))
        for writer, known in self.writers.items():
            last = int(database.get("last", writer) or 0)
            assert known.done <= last <= known.begun, f"{writer} is at {last}: {known}"
            for number in range(max(1, last - window + 1), last + 1):
                value = found.pop(entry_id(writer, number), None)
                assert value == payload(writer, number), f"{writer}/{number} is {value!r}"
        assert not found, f"entries that nobody wrote, or that were deleted: {sorted(found)[:5]}"

    def _judge_counter(self, database: Datamanager, window: int) -> None:
        value = int(database.get("counter", GROUP) or 0)
        missing = [number for number in self.counted if number > value]
        assert not missing, f"the counter is at {value}, acknowledged were {missing[:5]}"
        more = value - len(self.counted)
        assert 0 <= more <= len(self.open_tries), (value, len(self.counted), self.open_tries)
        lines = {int(name): line.decode() for name, line in database.scan("count")}
        assert sorted(lines) == list(range(max(1, value - window + 1), value + 1))
        for number, line in lines.items():
            said = self.counted.get(number)
            assert said == line or (said is None and line in self.open_tries), (number, line, said)
        twice = [line for line, times in Counter(lines.values()).items() if times > 1]
        assert not twice, f"counted twice: {twice}"

    def _judge_manifests(self, database: Datamanager) -> None:
        """The newest manifests that are kept must have all of their files."""
        for manifest in database._collector._kept(float("inf")):
            for key in manifest.files():
                assert database._ost.exists(key), f"{key} of manifest {manifest.number} is gone"


def _judge_log(database: Datamanager) -> None:
    """No entry may be written by two commits of the log after the newest manifest."""
    after = database.status().checkpoint
    seen: dict[str, int] = {}
    for info in database._ost.objects(WALS):
        number = number_of(info.key)
        if number is None or number <= after:
            continue
        try:
            batch = decode_batch(database._ost.read(info.key), info.key)
        except NotFound:
            continue
        for transaction in batch.transactions:
            for action in transaction.actions:
                if isinstance(action, Put) and action.type in ("entry", "count"):
                    assert action.id not in seen, (
                        f"{action.id}: commits {seen[action.id]}, {number}"
                    )
                    seen[action.id] = number
