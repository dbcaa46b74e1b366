from __future__ import annotations

from pathlib import Path

import pytest

from ostler.cli._locations import Locations, split
from ostler.compose import Composition
from ostler.errors import BadRequest, NotFound
from ostler.settings import load_settings


@pytest.mark.parametrize(
    ("text", "url", "key"),
    [
        ("reports/today", None, "reports/today"),
        (".", None, ""),
        ("a#b", None, "a#b"),
        ("a#b://c", None, "a#b://c"),
        ("memory://", "memory://", ""),
        ("posix:///srv/o#", "posix:///srv/o", ""),
        ("posix:///srv/o#a b#c%20d", "posix:///srv/o", "a b#c%20d"),
        (
            "s3://bucket/prefix?endpoint_url=http://127.0.0.1:9000#reports/",
            "s3://bucket/prefix?endpoint_url=http://127.0.0.1:9000",
            "reports/",
        ),
    ],
)
def test_an_argument_is_a_key_or_a_url_and_a_key(text: str, url: str | None, key: str) -> None:
    assert split(text) == (url, key)


def test_an_empty_argument_is_refused() -> None:
    with pytest.raises(BadRequest, match="empty"):
        split("")


@pytest.fixture
def locations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Locations:
    monkeypatch.setenv("OSTLER_HOME", str(tmp_path / "home"))
    return Locations(Composition(load_settings(overrides={"storage": f"posix://{tmp_path}/s"})))


def test_a_storage_is_opened_once_however_it_is_named(locations: Locations, tmp_path: Path) -> None:
    own, named = locations.open("a"), locations.open(f"posix://{tmp_path}/./s#b")
    assert own.storage is named.storage
    assert (own.live, named.live, named.key) == (True, True, "b")
    other = locations.open("memory://")
    assert other.storage is locations.open("memory://#x").storage
    assert (other.live, own.shares(other)) == (False, None)
    inside = locations.open(f"posix://{tmp_path}/s/in")
    assert own.shares(inside) == ("", "in/")
    assert own.storage is not inside.storage


def test_places_and_names(locations: Locations) -> None:
    one, below, everything = map(locations.open, ("a/b", "a/b/", "."))
    assert [each.names_a_place for each in (one, below, everything)] == [False, True, True]
    assert [each.place.prefix for each in (one, below, everything)] == ["a/b/", "a/b/", ""]
    assert [each.below("x") for each in (one, below, everything)] == ["a/b", "a/b/x", "x"]


def test_secrets_are_not_in_titles(locations: Locations, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="sesam"):
        locations.open("sesam://u:p@host#a")
    location = locations.open(f"posix://{tmp_path}/s?persist=false#a")
    assert location.title == f"posix://{tmp_path}/s?persist=false#a"
    assert locations.open(f"posix://{tmp_path}/s").title == f"posix://{tmp_path}/s"
