from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostler.datamanager.names import MANIFESTS, WALS, number_of, numbered

numbers = st.integers(0, 10**20 - 1)
EXAMPLES = settings(deadline=None, max_examples=40, derandomize=True)


def test_a_name_has_twenty_digits() -> None:
    assert numbered(WALS, 42) == "wal/00000000000000000042"


@given(numbers)
@EXAMPLES
def test_a_number_comes_back(number: int) -> None:
    assert number_of(numbered(MANIFESTS, number)) == number


@given(numbers, numbers)
@EXAMPLES
def test_names_sort_as_numbers(one: int, two: int) -> None:
    assert (numbered(WALS, one) < numbered(WALS, two)) == (one < two)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "wal/",
        "wal/1",
        "wal/000000000000000000042",
        "wal/00000000000000000042-0123456789abcdef",
        "wal/0000000000000000004x",
        "wal/-0000000000000000042",
        "wal/+0000000000000000042",
        "wal/0000000000000_000042",
        "wal/" + "²" * 20,
        "wal/" + "٣" * 20,
    ],
)
def test_what_is_no_such_name_has_no_number(key: str) -> None:
    assert number_of(key) is None
