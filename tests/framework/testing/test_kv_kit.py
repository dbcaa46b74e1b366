"""The kit passes a driver that is right, and fails each of many that are wrong in one way."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ostler.errors import Compacted, NotFound
from ostler.spi import (
    Compare,
    Delete,
    Event,
    Get,
    KeyValue,
    KvDriver,
    Lease,
    Operation,
    Page,
    Put,
    Target,
    TxnResult,
    Watch,
)
from ostler.testing.kv import conformance_checks, run_conformance
from ostler.testing.report import run_checks
from ostler_sqlite.driver import SqliteDriver
from ostler_sqlite.settings import SqliteSettings

Operations = Sequence[Operation]


class ZeroIsNoRevision(SqliteDriver):
    """An empty store at revision 0."""

    def list(self, prefix: str, *, start_after: str, limit: int, revision: int) -> Page:
        page = super().list(prefix, start_after=start_after, limit=limit, revision=revision)
        return page if page.revision > 1 else replace(page, revision=0)


class TextOnly(SqliteDriver):
    """Values that are not text are damaged."""

    def get(self, key: str) -> KeyValue | None:
        item = super().get(key)
        return item and replace(item, value=item.value.decode(errors="replace").encode())


class CountsOn(SqliteDriver):
    """A key that comes back remembers its versions."""

    def get(self, key: str) -> KeyValue | None:
        item = super().get(key)
        return item and replace(item, version=item.mod_revision - 1)


class ByCharacterClass(SqliteDriver):
    """Lists in the order of UTF-16, as some languages compare."""

    def list(self, prefix: str, *, start_after: str, limit: int, revision: int) -> Page:
        page = super().list(prefix, start_after=start_after, limit=limit, revision=revision)
        return replace(
            page, items=tuple(sorted(page.items, key=lambda item: item.key.encode("utf-16-be")))
        )


class OnlyThePresent(SqliteDriver):
    """Listings at a revision tell the present."""

    def list(self, prefix: str, *, start_after: str, limit: int, revision: int) -> Page:
        page = super().list(prefix, start_after=start_after, limit=limit, revision=0)
        return replace(page, revision=revision or page.revision)


class MoreWhenFull(SqliteDriver):
    """Says that there is more whenever the page is full."""

    def list(self, prefix: str, *, start_after: str, limit: int, revision: int) -> Page:
        page = super().list(prefix, start_after=start_after, limit=limit, revision=revision)
        return replace(page, more=len(page.items) == limit)


class IncludesStart(SqliteDriver):
    """`start_after` itself is listed."""

    def list(self, prefix: str, *, start_after: str, limit: int, revision: int) -> Page:
        before = start_after[:-1] + chr(ord(start_after[-1]) - 1) + "~" if start_after else ""
        return super().list(prefix, start_after=before, limit=limit, revision=revision)


class AnyCompare(SqliteDriver):
    """One comparison that holds is enough."""

    def txn(
        self, compares: Sequence[Compare], then: Operations, otherwise: Operations
    ) -> TxnResult:
        for compare in compares[1:]:
            if super().txn([compare], [], []).succeeded:
                return super().txn([compare], then, otherwise)
        return super().txn(compares[:1], then, otherwise)


class AbsentIsEmpty(SqliteDriver):
    """An absent key has the value b""."""

    def txn(
        self, compares: Sequence[Compare], then: Operations, otherwise: Operations
    ) -> TxnResult:
        kept = [
            each
            for each in compares
            if not (each.target is Target.VALUE and not each.expected and not self.get(each.key))
        ]
        return super().txn(kept, then, otherwise)


class NeverOtherwise(SqliteDriver):
    """The second branch is forgotten."""

    def txn(
        self, compares: Sequence[Compare], then: Operations, otherwise: Operations
    ) -> TxnResult:
        return super().txn(compares, then, [])


class OneByOne(SqliteDriver):
    """A transaction is not one: each operation is a revision of its own."""

    def txn(
        self, compares: Sequence[Compare], then: Operations, otherwise: Operations
    ) -> TxnResult:
        result = super().txn(compares, [], [])
        reads: list[KeyValue | None] = []
        for operation in then if result.succeeded else otherwise:
            step = super().txn([], [operation], [])
            reads += step.reads
            result = replace(result, revision=step.revision)
        return replace(result, reads=tuple(reads))


class ReadsFirst(SqliteDriver):
    """Reads of a transaction see the state before it."""

    def txn(
        self, compares: Sequence[Compare], then: Operations, otherwise: Operations
    ) -> TxnResult:
        ordered = sorted(then, key=lambda each: not isinstance(each, Get))
        return super().txn(compares, ordered, otherwise)


class CheckThenAct(SqliteDriver):
    """Compares, and writes a moment later."""

    def txn(
        self, compares: Sequence[Compare], then: Operations, otherwise: Operations
    ) -> TxnResult:
        succeeded = not compares or super().txn(compares, [], []).succeeded
        time.sleep(0.002 if compares else 0)
        result = super().txn([], then if succeeded else otherwise, [])
        return replace(result, succeeded=succeeded)


class AlwaysCounts(SqliteDriver):
    """Every transaction raises the revision, also one that writes nothing."""

    def txn(
        self, compares: Sequence[Compare], then: Operations, otherwise: Operations
    ) -> TxnResult:
        result = super().txn(compares, then, otherwise)
        super().txn([], [Put("tick", b"")], [])
        return replace(result, revision=result.revision + 1)


class PrefixIsDirectory(SqliteDriver):
    """Deleting a prefix deletes only what is below it with a slash."""

    def txn(
        self, compares: Sequence[Compare], then: Operations, otherwise: Operations
    ) -> TxnResult:
        changed = [
            Delete(each.key.rstrip("/"), prefix=True)
            if isinstance(each, Delete) and each.prefix
            else each
            for each in then
        ]
        return super().txn(compares, changed, otherwise)


class ForgivesLeases(SqliteDriver):
    """A put with a lease that does not exist is a put without one."""

    def txn(
        self, compares: Sequence[Compare], then: Operations, otherwise: Operations
    ) -> TxnResult:
        try:
            return super().txn(compares, then, otherwise)
        except NotFound:
            freed = [replace(each, lease=0) if isinstance(each, Put) else each for each in then]
            return super().txn(compares, freed, otherwise)


class LeasesForEver(SqliteDriver):
    """Leases run thirty times as long."""

    def grant(self, ttl: float) -> Lease:
        return replace(super().grant(ttl * 30), ttl=ttl)


class HastyLeases(SqliteDriver):
    """Leases run out too early, and keeping them alive does nothing."""

    def grant(self, ttl: float) -> Lease:
        return replace(super().grant(ttl / 2), ttl=ttl)

    def keep_alive(self, lease_id: int) -> None:
        """Do nothing."""


class RevokesNothing(SqliteDriver):
    """The lease goes and its keys stay."""

    def revoke(self, lease_id: int) -> None:
        """Do nothing."""


class CompactsNothing(SqliteDriver):
    """Compaction is refused in silence."""

    def compact(self, revision: int) -> None:
        """Do nothing."""


class ClosesLeases(SqliteDriver):
    """Closing the driver ends its leases."""

    def __init__(self, settings: SqliteSettings) -> None:
        super().__init__(settings)
        self._granted: list[int] = []

    def grant(self, ttl: float) -> Lease:
        lease = super().grant(ttl)
        self._granted.append(lease.id)
        return lease

    def close(self) -> None:
        while self._granted:
            self.revoke(self._granted.pop())
        super().close()


class WrongWatch(Watch):
    """Passes everything on; the wrong ones change what `next` returns."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    def next(self, timeout: float | None = None) -> tuple[Event, ...]:
        return self.watch.next(timeout)

    def close(self) -> None:
        self.watch.close()


class LosingWatch(WrongWatch):
    """Tells only the last of several changes of a key."""

    def next(self, timeout: float | None = None) -> tuple[Event, ...]:
        return tuple({event.key: event for event in super().next(timeout)}.values())


class SplittingWatch(WrongWatch):
    """Tells events one at a time."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._left: list[Event] = []

    def next(self, timeout: float | None = None) -> tuple[Event, ...]:
        self._left = self._left or list(super().next(timeout))
        taken, self._left = self._left[:1], self._left[1:]
        return tuple(taken)


class SilentWatch(WrongWatch):
    """Does not tell of deletions."""

    def next(self, timeout: float | None = None) -> tuple[Event, ...]:
        return tuple(event for event in super().next(timeout) if event.value is not None)


class SlowWatch(WrongWatch):
    """Looks every two seconds."""

    def next(self, timeout: float | None = None) -> tuple[Event, ...]:
        time.sleep(min(2, 9 if timeout is None else timeout))
        return super().next(0)


class ImpatientWatch(WrongWatch):
    """Never waits."""

    def next(self, timeout: float | None = None) -> tuple[Event, ...]:
        return super().next(0)


class DeafWatch(WrongWatch):
    """Cannot be closed while it waits."""

    def next(self, timeout: float | None = None) -> tuple[Event, ...]:
        events = super().next(timeout)
        if not events and timeout:
            time.sleep(min(2.1, timeout))
        return events


class ForgivingWatch(WrongWatch):
    """Skips what was compacted without a word."""

    def next(self, timeout: float | None = None) -> tuple[Event, ...]:
        with contextlib.suppress(Compacted):
            return super().next(timeout)
        return ()


def watching(kind: type[WrongWatch], *, offset: int = 0) -> type[SqliteDriver]:
    class Watching(SqliteDriver):
        def watch(self, prefix: str, revision: int) -> Watch:
            return kind(super().watch(prefix, revision + offset if revision else 0))

    Watching.__name__ = f"{kind.__name__}{offset or ''}"
    return Watching


BROKEN: list[tuple[type[SqliteDriver], str]] = [
    (ZeroIsNoRevision, "revision_starts_above_zero"),
    (TextOnly, "values_are_any_bytes"),
    (CountsOn, "recreated_key_begins_anew"),
    (ByCharacterClass, "list_is_in_order_of_bytes"),
    (OnlyThePresent, "list_at_a_revision"),
    (OnlyThePresent, "pages_of_one_revision_fit"),
    (OnlyThePresent, "list_in_the_future_is_refused"),
    (MoreWhenFull, "list_limit_and_more"),
    (IncludesStart, "list_starts_after_a_key"),
    (AnyCompare, "all_compares_must_hold"),
    (AbsentIsEmpty, "compares_of_an_absent_key"),
    (NeverOtherwise, "branches"),
    (OneByOne, "a_transaction_is_one_revision"),
    (OneByOne, "unknown_lease_applies_nothing"),
    (ReadsFirst, "reads_see_what_stands_before_them"),
    (CheckThenAct, "racing_increments_lose_none"),
    (CheckThenAct, "one_of_racing_creators_wins"),
    (CheckThenAct, "others_swaps_are_respected"),
    (AlwaysCounts, "writing_nothing_keeps_the_revision"),
    (PrefixIsDirectory, "delete_of_a_prefix"),
    (ForgivesLeases, "unknown_lease_applies_nothing"),
    (ForgivesLeases, "revoked_lease_is_of_no_use"),
    (HastyLeases, "lease_runs_out"),
    (HastyLeases, "lease_is_kept_alive"),
    (RevokesNothing, "last_write_decides_about_the_lease"),
    (CompactsNothing, "compaction_forgets_the_past"),
    (CompactsNothing, "compaction_in_the_future_is_refused"),
    (ClosesLeases, "lease_outlives_its_driver_no_longer_than_its_time"),
    (watching(SplittingWatch), "watch_keeps_transactions_together"),
    (watching(ImpatientWatch), "watch_waits_its_time"),
    (watching(ForgivingWatch), "compaction_forgets_the_past"),
    (watching(WrongWatch, offset=-1), "watch_from_a_revision"),
]


def opener(kind: type[SqliteDriver], path: Path) -> Callable[[], KvDriver]:
    return lambda: kind(SqliteSettings(path=str(path / "state.db")))


@pytest.mark.parametrize(
    ("kind", "name"), BROKEN, ids=[f"{kind.__name__}-{name}" for kind, name in BROKEN]
)
def test_kit_fails_what_is_wrong(kind: type[SqliteDriver], name: str, tmp_path: Path) -> None:
    open_driver = opener(kind, tmp_path)
    check = conformance_checks(open_driver, open_driver)[name]
    report = run_checks(kind.__name__, {name: check})
    assert [result.name for result in report.failed] == [name]
    assert report.failed[0].message


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (LeasesForEver, "lease_runs_out"),
        (watching(LosingWatch), "watch_from_a_revision"),
        (watching(SilentWatch), "watch_from_a_revision"),
        (watching(SlowWatch), "others_are_told"),
        (watching(SlowWatch), "watch_wakes_at_once"),
        (watching(DeafWatch), "closing_ends_a_wait"),
        (watching(WrongWatch, offset=1), "watch_includes_its_revision"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_kit_fails_what_never_comes(kind: type[SqliteDriver], name: str, tmp_path: Path) -> None:
    test_kit_fails_what_is_wrong(kind, name, tmp_path)


@pytest.mark.slow
def test_kit_passes_what_is_right(tmp_path: Path) -> None:
    open_driver = opener(SqliteDriver, tmp_path)
    report = run_conformance(open_driver, open_driver)
    assert report.failed == ()
    assert report.subject == "ostler_sqlite.driver.SqliteDriver"
    assert str(report) == f"{report.subject}: {len(report.results)}/{len(report.results)} ok"


def test_kit_leaves_out_what_needs_two(tmp_path: Path) -> None:
    counter = itertools.count()
    checks = conformance_checks(
        lambda: SqliteDriver(SqliteSettings(path=str(tmp_path / f"{next(counter)}.db")))
    )
    assert "others_are_told" not in checks
    assert run_checks("single", {"branches": checks["branches"]}).ok
