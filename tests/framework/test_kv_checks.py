from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostler.errors import BadRequest
from ostler.kv import MAX_KEY_BYTES, check_key, check_prefix
from ostler.kv.checks import check_txn
from ostler.spi import Compare, Delete, Get, KvCapabilities, Put, Target

CAPABILITIES = KvCapabilities(max_operations=5, max_value_size=10)
KEY = Compare("k", Target.VERSION, 1)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
def test_any_text_that_fits_is_a_key(key: str) -> None:
    if len(key.encode()) <= MAX_KEY_BYTES:
        check_key(key)
    else:
        with pytest.raises(BadRequest):
            check_key(key)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("", "a key is empty"),
        ("a\0b", "NUL"),
        ("é\0", "NUL"),
        ("\ud800", "not UTF-8"),
        ("x" * 513, "513 bytes"),
        ("é" * 257, "514 bytes"),
        (cast("str", b"k"), "must be a str, not bytes"),
        (cast("str", None), "must be a str, not NoneType"),
    ],
)
def test_wrong_keys(key: str, reason: str) -> None:
    with pytest.raises(BadRequest, match=reason):
        check_key(key)


def test_longest_key() -> None:
    check_key("x" * 512)
    check_key("é" * 256)


def test_prefix_may_be_empty() -> None:
    check_prefix("")
    with pytest.raises(BadRequest, match=r"start_after .* NUL"):
        check_prefix("\0", what="start_after")


@pytest.mark.parametrize(
    ("compares", "branch", "reason"),
    [
        ([], [Put("", b"")], "a key is empty"),
        ([], [Put("k", cast("bytes", "text"))], "must be bytes, not str"),
        ([], [Put("k", b"x" * 11)], "11 bytes and this store takes 10"),
        ([], [Put("k", b"", -1)], "lease -1"),
        ([], [Put("k", b""), Put("k", b"")], "writes 'k' twice"),
        ([], [Put("k", b""), Delete("k")], "writes 'k' twice"),
        ([], [Delete("a", prefix=True), Put("ab", b"")], "deletes all of 'a' and writes 'ab'"),
        ([], [Put("ab", b""), Delete("a", prefix=True)], "deletes all of 'a' and writes 'ab'"),
        ([], [Delete("a", prefix=True), Delete("ab", prefix=True)], "deletes all of 'a'"),
        ([], [Get("")], "a key is empty"),
        ([], [cast("Any", "get k")], "takes Put, Delete and Get"),
        ([Compare("", Target.VERSION, 1)], [], "a key is empty"),
        ([Compare("k", Target.VERSION, b"1")], [], "version of 'k' needs int, not bytes"),
        ([Compare("k", Target.VALUE, 1)], [], "value of 'k' needs bytes, not int"),
        ([KEY] * 3, [Get("k")] * 3, "6 comparisons and operations and this store takes 5"),
    ],
)
def test_wrong_transactions(compares: list[Compare], branch: list[Any], reason: str) -> None:
    for branches in ((branch, []), ([], branch)):
        with pytest.raises(BadRequest, match=reason):
            check_txn(compares, *branches, CAPABILITIES)


def test_right_transactions() -> None:
    check_txn([], [], [], CAPABILITIES)
    check_txn([KEY], [Put("k", b"x" * 10), Get("k")], [Put("k", b""), Get("k")], CAPABILITIES)
    check_txn([], [Delete("a/", prefix=True), Put("a", b"")], [], CAPABILITIES)
    check_txn([KEY] * 99, [Put("k", b"x" * 99)], [], KvCapabilities())
