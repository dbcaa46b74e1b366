"""What is true, kept beside the datamanager and compared with what it says and does.

The oracle sees every object at the instant at which it comes into being or
goes, so it knows the log without asking: a commit *is* its object. From that
follow the nine invariants, what each read may have returned, and who may have
won against whom.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Any

from ostler.datamanager import Options
from ostler.errors import Error

from .history import Excused, Intent, Outcome, Violation, tag_of
from .layout import Batch, Manifest, batch_of, kind_of, manifest_of, number_of
from .objects import Objects, Stored

__all__ = ["Oracle"]

Entry = tuple[str, str]


class Oracle:
    """The log as it really is, and the rules.

    :ivar log: per number the batch that was committed; index 0 is empty.
    :ivar acknowledged: the highest number that any caller was told.
    :ivar at_stake: numbers that the key-value store had given away and then forgot, before
        they were stored: two writers may have them now, and an alarm is all one can ask for.
    :ivar violation: the first rule that was broken.
    :ivar excused: the trial is over, for no rule says how it should go on.
    """

    def __init__(self, objects: Objects, prefix: str, options: Options) -> None:
        self._objects, self._prefix, self._options = objects, prefix, options
        self.step = 0
        self.log: list[Batch | None] = [None]
        self.data: list[bytes] = [b""]
        self.intents: dict[str, Intent] = {}
        self.acknowledged = 0
        self.manifests: dict[int, Manifest] = {}
        self.newest: Manifest | None = None
        self.at_stake: set[str] = set()
        self.violation: Violation | None = None
        self.excused = False
        self.floors = [0]
        self._created: dict[int, float] = {}
        self._versions: dict[Entry, list[tuple[int, bytes | None]]] = {}
        self._moves: dict[str, list[int]] = {}
        self._acknowledgements: list[tuple[int, Intent]] = []
        objects.on_put, objects.on_delete = self.put, self.deleted

    @property
    def head(self) -> int:
        """The number of the newest commit."""
        return len(self.log) - 1

    def violated(self, what: str) -> Violation:
        """Return the error of a broken rule; the first one ends the trial, wherever it is caught."""
        violation = Violation(what)
        self.violation = self.violation or violation
        return violation

    # What happens in the storage.

    def put(self, key: str, stored: Stored) -> None:
        """Take note of an object, at the instant at which it is visible."""
        kind, own = self._own(key)
        if kind == "wal":
            number = number_of(own)
            if number is not None:
                self._logged(number, own, stored.data)
        elif kind == "manifest":
            number = number_of(own)
            if number is not None:
                self._manifested(number, own, stored.data)
        elif kind not in ("data", "probe"):
            raise self.violated(f"an object outside of the layout was stored: {key}")

    def deleted(self, key: str, stored: Stored) -> None:
        """Take note of a removal."""
        kind, own = self._own(key)
        if kind == "data":
            self._check_named(own)
        elif kind == "wal" and (number := number_of(own)) is not None:
            covered = self._covered_for_good()
            if number > covered and self._is_true(number, stored.data):
                raise self.violated(
                    f"{own} was removed and no manifest covers it (up to {covered})"
                )
        elif kind == "manifest" and self.newest and number_of(own) == self.newest.number:
            raise self.violated(f"the newest manifest, {own}, was removed")

    def lost(self, keys: Iterable[str]) -> None:
        """Take note of what a power loss took."""
        gone = sorted(number for key in keys if (number := self._wal(key)) is not None)
        for key in keys:
            self._lost_manifest(key)
        gone = [n for n in gone if n <= self.head and not self._covered(n)]
        if not gone:
            return
        first = gone[0]
        if first <= self.acknowledged:
            raise self.violated(
                f"commit {first} was lost by a power loss, and up to {self.acknowledged} was "
                "acknowledged"
            )
        left = [n for n in range(first, self.head + 1) if n not in gone]
        if left:
            raise self.violated(f"after a power loss commit {left[0]} is there and {first} is not")
        self._forget_from(first)

    # What callers do.

    def begin(self, intent: Intent) -> None:
        """Take note of a transaction before it is tried."""
        intent.begun = self.step
        self.intents[intent.tag] = intent

    def acknowledge(self, intent: Intent, number: int) -> None:
        """Check a promise, at the instant at which it is made."""
        self._end(intent, Outcome.ACKNOWLEDGED)
        if intent.at != number:
            where = f"in {intent.at}" if intent.at else "nowhere"
            raise self.violated(f"{intent.tag} was acknowledged as commit {number} and is {where}")
        for each in range(1, number + 1):
            self._check_durable(each, intent)
        self.acknowledged = max(self.acknowledged, number)

    def refuse(self, intent: Intent, error: Error, outcome: Outcome) -> None:
        """Check a refusal."""
        self._end(intent, outcome)
        intent.error = f"{type(error).__name__}: {error.message}"
        if outcome.certainly_not and intent.at is not None:
            raise self.violated(
                f"{intent.tag} failed ({intent.error}) and is in commit {intent.at}"
            )
        if outcome is Outcome.CONFLICT:
            self._check_conflict(intent, error)

    def check_read(
        self, what: str, seen: dict[Entry, bytes | None], low: int, *, at: int | None = None
    ) -> int:
        """Check that ``seen`` is the database at one commit from ``low`` to the newest; return that one.

        :param at: the number that the datamanager gave for it, if it did.
        """
        head = self.head
        candidates = range(low, head + 1) if at is None else (at,)
        if at is not None and not low <= at <= head:
            raise self.violated(f"{what} is said to show commit {at}, not one of {low} to {head}")
        for number in candidates:
            if all(self.value(entry, number) == data for entry, data in seen.items()):
                return number
        raise self.violated(
            f"{what} shows what was never so in commits {low} to {head}"
            f"{f' (it says {at})' if at is not None else ''}: "
            + "; ".join(
                f"{'/'.join(entry)} = {_short(data)}, was "
                + ", ".join(f"{_short(self.value(entry, n))} at {n}" for n in candidates)
                for entry, data in seen.items()
            )
        )

    def check_scan(
        self, what: str, type: str, prefix: str, after: str, rows: list[tuple[str, bytes]], low: int
    ) -> int:
        """Check a whole listing; return the commit that it shows."""
        ids = [each for each, _ in rows]
        if ids != sorted(set(ids)):
            raise self.violated(f"{what} is not in order: {ids}")
        found = dict(rows)
        for number in range(low, self.head + 1):
            if self.rows(type, number, prefix, after) == found:
                return number
        raise self.violated(
            f"{what} shows {_rows(found)}, which was never so in commits {low} to {self.head}: "
            + "; ".join(
                f"{n}: {_rows(self.rows(type, n, prefix, after))}"
                for n in range(low, self.head + 1)
            )
        )

    def check_watched(self, after: int, commits: Iterable[Any]) -> int:
        """Check what a watch gave: all transactions of the commits that follow ``after``; return the last."""
        found = list(commits)
        last = after
        while found:
            last += 1
            batch = self.log[last] if last <= self.head else None
            if batch is None:
                raise self.violated(
                    f"a watch tells of commit {found[0].number}, {self.head} is newest"
                )
            for transaction in batch.transactions:
                told = found.pop(0) if found else None
                if (
                    told is None
                    or told.number != last
                    or tuple(told.actions) != transaction.actions
                ):
                    raise self.violated(f"a watch after {after} tells {told} in place of {last}")
        return last

    def check_compacted(self, after: int) -> None:
        """Check that a watch had to give up."""
        if self.newest is None or after >= self.newest.commit:
            raise self.violated(f"a watch after {after} is told that it is too late")

    # What is true.

    def value(self, entry: Entry, number: int) -> bytes | None:
        """Return an entry as it was after a commit."""
        versions = self._versions.get(entry)
        if not versions:
            return None
        at = bisect_right(versions, number, key=_first) - 1
        return versions[at][1] if at >= 0 else None

    def was(self, entry: Entry, data: bytes) -> bool:
        """Whether an entry had that value after some commit."""
        return any(data == each for _, each in self._versions.get(entry, ()))

    def rows(self, type: str, number: int, prefix: str = "", after: str = "") -> dict[str, bytes]:
        """Return all entries of a type after a commit."""
        return {
            name: data
            for kind, name in self._versions
            if kind == type and name.startswith(prefix) and name > after
            if (data := self.value((kind, name), number)) is not None
        }

    def rows_with(self, type: str, data: bytes) -> dict[str, bytes]:
        """Return all entries of a type as an object of the log after the newest one makes them."""
        rows = self.rows(type, self.head)
        for transaction in batch_of(data, "the commit that follows").transactions:
            for action in transaction.actions:
                if action.type == type:
                    rows.pop(action.id, None)
                    if (value := getattr(action, "data", None)) is not None:
                        rows[action.id] = value
        return rows

    # The log.

    def _logged(self, number: int, key: str, data: bytes) -> None:
        if number <= self.head:
            if data != self.data[number] and not self._covered(number):
                raise self._replaced(key)
            return  # delivered late: not a commit, and nobody may take it for one
        if number != self.head + 1:
            raise self.violated(f"{key} was created after commit {self.head}: a gap")
        batch = batch_of(data, key)
        if batch.number != number:
            raise self.violated(f"{key} says that it is {batch.number}")
        self.log.append(batch)
        self.data.append(data)
        moved: set[str] = set()
        for transaction in batch.transactions:
            self._committed(number, transaction, moved)

    def _committed(self, number: int, transaction: Any, moved: set[str]) -> None:
        tag = tag_of(transaction.actions)
        intent = self.intents.get(tag or "")
        if intent is None or intent.actions != transaction.actions:
            raise self.violated(
                f"commit {number} holds what nobody tried to commit as a whole: {tag}"
            )
        if intent.moves != set(transaction.groups):
            raise self.violated(f"{tag} moves {set(transaction.groups)} in commit {number}")
        if intent.at is not None:
            raise self.violated(f"{tag} is in commit {intent.at} and in {number}")
        if intent.outcome.certainly_not:
            raise self.violated(f"{tag} failed ({intent.error}), and now it is commit {number}")
        if intent.token is not None:
            since, groups = intent.token
            for group in groups:
                last = self._moves.get(group, [0])[-1]
                if last > since or group in moved:
                    raise self.violated(
                        f"{tag} won in {number} with group {group!r} read at {since}, and "
                        f"{last if last > since else number} had moved it"
                    )
        intent.at = number
        moved |= intent.moves
        for group in intent.moves:
            self._moves.setdefault(group, []).append(number)
        for action in transaction.actions:
            versions = self._versions.setdefault((action.type, action.id), [])
            if versions and versions[-1][0] == number:
                versions.pop()
            versions.append((number, getattr(action, "data", None)))

    def _forget_from(self, first: int) -> None:
        """Undo what was never promised and is lost."""
        del self.log[first:], self.data[first:]
        for intent in self.intents.values():
            if intent.at is not None and intent.at >= first:
                intent.at = None
        for versions in self._versions.values():
            while versions and versions[-1][0] >= first:
                versions.pop()
        for moves in self._moves.values():
            while moves and moves[-1] >= first:
                moves.pop()
        self._rebuild_versions()

    def _rebuild_versions(self) -> None:
        """Two commits never share a version, so popping whole numbers is enough: drop empty lists."""
        self._moves = {group: moves for group, moves in self._moves.items() if moves}

    def _replaced(self, key: str) -> BaseException:
        if key in self.at_stake:
            self.excused = True
            return Excused(f"{key} was given to two writers by a store that was turned back")
        return self.violated(f"{key} was replaced by other content")

    def _check_durable(self, number: int, intent: Intent) -> None:
        if number <= self._covered_for_good():
            return
        stored = self._objects.present.get(f"{self._prefix}wal/{number:020d}")
        if stored is None or not stored.safe:
            state = "absent" if stored is None else "not durable"
            raise self.violated(f"{intent.tag} was acknowledged, and commit {number} is {state}")

    def _check_conflict(self, intent: Intent, error: Error) -> None:
        if intent.token is None:
            raise self.violated(f"{intent.tag} has no token and failed: {error.message}")
        since, groups = intent.token
        if since < max(self.floors):
            return  # too old to be compared
        rivals = [
            each
            for each in self.intents.values()
            if each is not intent
            and each.moves.intersection(groups)
            and (each.at is None or each.at > since)
            and (each.ended is None or each.ended >= intent.begun or each.at is not None)
        ]
        if not rivals:
            raise self.violated(f"{intent.tag} failed and nobody moved its groups: {error.message}")

    def _end(self, intent: Intent, outcome: Outcome) -> None:
        intent.outcome, intent.ended = outcome, self.step

    # Manifests and their files.

    def _manifested(self, number: int, key: str, data: bytes) -> None:
        known = self.manifests.get(number)
        manifest = manifest_of(data, key)
        if known is not None:
            if known != manifest and (self.newest is None or number >= self.newest.number):
                raise self._replaced(key)
            return
        if self.newest is not None and number != self.newest.number + 1:
            if number <= self.newest.number:
                return
            raise self.violated(f"{key} was created after {self.newest.number}: a gap")
        if self.newest is not None and manifest.commit < self.newest.commit:
            raise self.violated(
                f"{key} reaches up to {manifest.commit}, before {self.newest.commit}"
            )
        if manifest.commit > self.head:
            raise self.violated(f"{key} reaches up to {manifest.commit}, {self.head} is newest")
        for name in manifest.files():
            stored = self._objects.present.get(self._prefix + name)
            if stored is None or not stored.safe:
                state = "absent" if stored is None else "not durable"
                raise self.violated(f"{key} names {name}, which is {state}")
        self.manifests[number] = self.newest = manifest
        self._created[number] = self._objects.now
        self.floors.append(manifest.floor)

    def kept(self) -> list[int]:
        """Return the manifests whose files must be there: the newest, and what was so lately."""
        if self.newest is None:
            return []
        found: list[int] = []
        successor = float("inf")
        for number in sorted(self.manifests, reverse=True):
            old = successor < self._objects.now - self._options.grace
            if len(found) >= self._options.keep_manifests and old:
                break
            found.append(number)
            successor = self._created[number]
        return found

    def needed(self) -> set[str]:
        """Return the objects without any of which something is lost, and seen to be.

        Not the newest commit nor the newest manifest: nothing tells of one that is gone.
        """
        if self.newest is None:
            return set()
        keys = set(self.newest.files())
        keys |= {f"wal/{number:020d}" for number in range(self.newest.commit + 1, self.head)}
        return {self._prefix + key for key in keys} & self._objects.present.keys()

    def _check_named(self, key: str) -> None:
        for number in self.kept():
            if key in self.manifests[number].files():
                raise self.violated(f"{key} was removed and manifest {number} names it")

    def _lost_manifest(self, key: str) -> None:
        kind, own = self._own(key)
        number = number_of(own) if kind == "manifest" else None
        if number is None or number not in self.manifests:
            return
        del self.manifests[number]
        self.newest = self.manifests[max(self.manifests)] if self.manifests else None

    def _covered(self, number: int) -> bool:
        return self.newest is not None and number <= self.newest.commit

    def _covered_for_good(self) -> int:
        """Return up to which commit a manifest reaches that no power loss takes."""
        present = self._objects.present
        for number in sorted(self.manifests, reverse=True):
            stored = present.get(f"{self._prefix}manifest/{number:020d}")
            if stored is not None and stored.safe:
                return self.manifests[number].commit
        return 0

    def _is_true(self, number: int, data: bytes) -> bool:
        return number <= self.head and self.data[number] == data

    def _wal(self, key: str) -> int | None:
        kind, own = self._own(key)
        return number_of(own) if kind == "wal" else None

    def _own(self, key: str) -> tuple[str, str]:
        if not key.startswith(self._prefix):
            raise self.violated(f"{key} is outside of the prefix {self._prefix!r}")
        own = key[len(self._prefix) :]
        return kind_of(own), own


def _first(version: tuple[int, bytes | None]) -> int:
    return version[0]


def _short(data: bytes | None) -> str:
    return "nothing" if data is None else data[:12].decode(errors="replace")


def _rows(rows: dict[str, bytes]) -> str:
    return "{" + ", ".join(f"{name}: {_short(data)}" for name, data in sorted(rows.items())) + "}"
