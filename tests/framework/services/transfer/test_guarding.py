from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ostler.datamanager.manifest import encode_manifest, first_manifest
from ostler.errors import Conflict
from ostler.services.transfer import (
    Place,
    guard_copies,
    guard_key,
    guard_removal,
    guard_upload,
)

from .conftest import Held, fill, place_on

MANIFEST = "manifest/00000000000000000001"


def database(cluster: str = "one") -> Place:
    place = place_on(Held())
    fill(place, {MANIFEST: encode_manifest(first_manifest(cluster, "storage", 0.0)), "logs/x": b""})
    return place


def below(place: Place, prefix: str) -> Place:
    return Place(place.storage, prefix, "there")


def refused(call: Callable[[], object]) -> bool:
    try:
        call()
    except Conflict as error:
        return error.code == "database" and "--force" in str(error)
    return False


@pytest.mark.parametrize("key", ["wal/1", "data/x", MANIFEST, "probe/x"])
def test_keys_of_a_database_are_refused(key: str) -> None:
    assert refused(lambda: guard_key(database().storage, key))
    assert not refused(lambda: guard_key(place_on(Held()).storage, key))


def test_other_keys_are_nobodys_business() -> None:
    assert not refused(lambda: guard_key(database().storage, "database/x"))


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [("", True), ("wal/", True), ("data/run/", True), ("logs/", False), ("w/", False)],
)
def test_removals(prefix: str, expected: bool) -> None:
    assert refused(lambda: guard_removal(below(database(), prefix))) is expected
    assert not refused(lambda: guard_removal(below(place_on(Held()), prefix)))


def test_a_damaged_database_is_guarded_too() -> None:
    place = database()
    fill(place, {"manifest/00000000000000000002": b"damaged"})
    assert refused(lambda: guard_removal(place))


def test_a_copy_is_refused_when_it_would_change_the_database() -> None:
    harmless, harmful = place_on(Held()), place_on(Held())
    fill(harmless, {"reports/a": b""})
    fill(harmful, {"wal/a": b""})

    def copies(source: Place, prefix: str, *, delete: bool = False) -> bool:
        target = below(database(), prefix)
        return refused(lambda: guard_copies(source, target, delete=delete, live=False))

    assert not copies(harmless, "")
    assert copies(harmless, "", delete=True)
    assert copies(harmful, "")
    assert copies(harmless, "wal/")
    assert not copies(harmful, "backup/", delete=True)
    assert not refused(lambda: guard_copies(harmful, place_on(Held()), delete=True, live=True))


@pytest.mark.parametrize(
    ("cluster", "live", "expected"),
    [("one", False, False), ("one", True, True), ("other", False, True)],
)
def test_a_copy_of_the_same_database_is_brought_up_to_date(
    cluster: str, live: bool, expected: bool
) -> None:
    source, target = database(), database(cluster)
    assert refused(lambda: guard_copies(source, target, delete=True, live=live)) is expected


def test_uploads(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    directory = str(tmp_path)
    assert not refused(lambda: guard_upload(directory, database()))
    assert refused(lambda: guard_upload(directory, below(database(), "wal/")))
    (tmp_path / "wal").mkdir()
    assert refused(lambda: guard_upload(directory, database()))
    assert not refused(lambda: guard_upload(directory, place_on(Held())))
