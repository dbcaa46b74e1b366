from __future__ import annotations

from typing import Any

import pytest

from ostler.datamanager.checking import check_groups, check_id, check_type
from ostler.errors import BadRequest


@pytest.mark.parametrize("type", ["a", "run", "run-2", "a" * 64, "a-"])
def test_a_type_comes_back(type: str) -> None:
    assert check_type(type) == type


@pytest.mark.parametrize(
    "type", ["", "2", "-a", "A", "aB", "a_b", "a/b", "a b", "a\n", "é", "aé", "a" * 65]
)
def test_what_is_no_type_is_refused(type: str) -> None:
    with pytest.raises(BadRequest, match="is no name of a type: 1 to 64 of a-z, 0-9 and '-'"):
        check_type(type)


@pytest.mark.parametrize(
    "id", ["a", " ", "a/b", "\0", "é" * 256, "€" * 170, "x" * 512, "\U0001f680"]
)
def test_an_id_is_accepted(id: str) -> None:
    assert check_id(id) is None
    assert check_groups([id]) == (id,)


@pytest.mark.parametrize(
    ("id", "reason"),
    [
        ("", "it has 0 bytes, 1 to 512 are right"),
        ("x" * 513, "it has 513 bytes"),
        ("é" * 257, "it has 514 bytes"),
        ("a\ud800", "it cannot be written in UTF-8"),
        (b"a", "it must be a string"),
        (None, "it must be a string"),
        (7, "it must be a string"),
    ],
)
def test_what_is_no_id_is_refused(id: Any, reason: str) -> None:
    with pytest.raises(BadRequest, match=f"is no id of an entry: {reason}"):
        check_id(id)
    with pytest.raises(BadRequest, match=f"is no name of a change group: {reason}"):
        check_groups(["good", id])


def test_a_refusal_shows_the_beginning_of_what_was_given() -> None:
    with pytest.raises(BadRequest) as caught:
        check_id("x" * 10_000)
    assert len(caught.value.message) < 150


def test_a_subclass_of_str_is_a_string() -> None:
    class Name(str):
        pass

    assert check_id(Name("a")) is None
    with pytest.raises(BadRequest):
        check_id(Name(""))


def test_groups_come_back_in_their_order_each_once() -> None:
    assert check_groups(iter(["b", "a", "b", "c", "a"])) == ("b", "a", "c")
    assert check_groups([]) == ()
