"""Listings over a client that pages and has whole directories only: a model of obstore on a bucket."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from obstore.exceptions import InvalidPathError

from ostler.errors import Error, Internal
from ostler.spi.storage import CommonPrefix, ObjectInfo
from ostler.testing.storage.listings import listed
from ostler_s3.listing import Lister

PAGE = 3
MODIFIED = datetime(2026, 1, 2, 3, 4, 5, 678, UTC)


class Bucket:
    """Pages of a bucket's keys, as obstore lists them: below a directory, after an offset.

    :param tree: lists as a file system does, ``a/b`` before ``a-b``, and ignores offsets that it
        cannot find, as SeaweedFS does.
    """

    def __init__(self, keys: set[str], *, tree: bool = False) -> None:
        order = (lambda key: key.split("/")) if tree else str.encode
        self.keys: list[str] = sorted(keys, key=order)  # type: ignore[arg-type]
        self.tree = tree
        self.requests = 0

    def client(
        self, *, prefix: str | None, offset: str | None, chunk_size: int
    ) -> Iterator[list[dict[str, Any]]]:
        assert prefix is None or prefix.endswith("/")
        assert offset is None or not (self.tree or offset.endswith("/") or "//" in offset)
        below = [key for key in self.keys if key.startswith(prefix or "")]
        for page in self._pages([key for key in below if key.encode() > (offset or "").encode()]):
            if any("" in key.split("/") for key in page):
                raise InvalidPathError("a key that is no path")
            yield [
                {"path": key, "size": len(key), "last_modified": MODIFIED, "e_tag": '"e"'}
                for key in page
            ]

    def odd_pages(self, prefix: str, start_after: str) -> Iterator[list[ObjectInfo]]:
        below = [key for key in self.keys if key.startswith(prefix)]
        for page in self._pages([key for key in below if key.encode() > start_after.encode()]):
            yield [ObjectInfo(key, len(key), MODIFIED.timestamp() // 1, "e") for key in page]

    def _pages(self, keys: list[str]) -> Iterator[list[str]]:
        for at in range(0, max(1, len(keys)), PAGE):
            self.requests += 1
            yield keys[at : at + PAGE]


def lister(bucket: Bucket, root: str = "") -> Lister:
    return Lister(root, bucket.client, bucket.odd_pages, _typed, ordered=not bucket.tree)


def _typed(error: Exception) -> Error:
    return Internal(f"{error}")


def told(found: Lister, prefix: str, start_after: str, delimiter: str) -> list[tuple[str, bool]]:
    items = (
        found.grouped(prefix, start_after, delimiter)
        if delimiter
        else found.objects(prefix, start_after)
    )
    return [
        (item.prefix, True) if isinstance(item, CommonPrefix) else (item.key, False)
        for item in items
    ]


parts = st.text("ab-.0/é\U0010ffff", min_size=1, max_size=7)


def _is_key(text: str) -> bool:
    return not any(part in ("", ".", "..") for part in text.split("/"))


keys = st.sets(parts.filter(_is_key), max_size=25)
beginnings = st.one_of(
    st.just(""), parts.filter(_is_key), parts.filter(_is_key).map(lambda key: f"{key}/")
)


@given(keys, beginnings, beginnings, st.sampled_from(["", "/", "-"]), st.sampled_from(["", "r/t/"]))
def test_any_listing(
    present: set[str], prefix: str, start_after: str, delimiter: str, root: str
) -> None:
    others = {"r", "r/s", "r/t", "r/t0", "r/u"} if root else set()
    bucket = Bucket({root + key for key in present} | others)
    expected = listed(present, prefix, start_after, delimiter)
    assert told(lister(bucket, root), prefix, start_after, delimiter) == expected


@given(keys, beginnings, beginnings, st.sampled_from(["", "/", "-"]))
def test_any_listing_of_a_server_without_order(
    present: set[str], prefix: str, start_after: str, delimiter: str
) -> None:
    """Sorted by whoever asks, as `Capabilities.ordered_list` tells them to."""
    found = told(lister(Bucket(present, tree=True)), prefix, start_after, delimiter)
    assert sorted(found) == sorted(listed(present, prefix, start_after, delimiter))


@given(keys, beginnings, beginnings)
def test_keys_that_are_no_paths_are_passed_over(
    present: set[str], prefix: str, start_after: str
) -> None:
    bucket = Bucket(present | {"a//b", "b/", "0//"})
    assert told(lister(bucket), prefix, start_after, "") == listed(present, prefix, start_after, "")


def test_what_is_folded_is_passed_over_after_a_page() -> None:
    bucket = Bucket({f"many/{number:03}" for number in range(600)} | {"a", "z"})
    assert told(lister(bucket), "", "", "/") == [("a", False), ("many/", True), ("z", False)]
    assert bucket.requests == 3


def test_a_prefix_inside_a_name_is_where_the_listing_begins_and_ends() -> None:
    bucket = Bucket({f"logs/{number:03}" for number in range(600)})
    assert len(told(lister(bucket), "logs/31", "", "")) == 10
    assert bucket.requests == 4


def test_times_are_whole_seconds_and_etags_have_no_quotes() -> None:
    (info,) = lister(Bucket({"k"})).objects("", "")
    assert info == ObjectInfo("k", 1, MODIFIED.timestamp() // 1, "e")


def test_what_the_client_raises_is_typed() -> None:
    class Failing(Bucket):
        def client(self, **_options: Any) -> Iterator[list[dict[str, Any]]]:
            raise OSError("no")
            yield

    with pytest.raises(Internal, match="no"):
        list(lister(Failing(set())).objects("", ""))
