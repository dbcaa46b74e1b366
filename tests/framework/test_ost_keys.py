from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ostler.errors import BadRequest
from ostler.ost import MAX_KEY_BYTES, check_key, check_prefix
from ostler.ost.keys import check_delimiter, check_range

TEXT = st.text(st.sampled_from("ab./ \n\x7f\x85é\U0001f600\ud800"), max_size=8)


def is_key(text: str) -> bool:
    """Tell by the letter of the contract, slowly."""
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in text):
        return False
    return (
        not any(part in ("", ".", "..") for part in text.split("/")) and len(text.encode()) <= 1024
    )


def accepts(check: object, text: str) -> bool:
    try:
        check(text)  # type: ignore[operator]
    except BadRequest as error:
        return error.code != "bad_key"
    return True


@given(TEXT | st.text(max_size=20))
@example("a" * 1024)
@example("a" * 1025)
@example("é" * 512)
@example("é" * 513)
def test_accepts_keys_and_nothing_else(text: str) -> None:
    assert accepts(check_key, text) == is_key(text)


@given(TEXT)
def test_accepts_prefixes_that_begin_some_key_and_nothing_else(text: str) -> None:
    assert accepts(check_prefix, text) == (text == "" or is_key(text) or is_key(text + "x"))


@given(TEXT.filter(is_key), st.integers(0, 8))
def test_every_beginning_of_a_key_is_a_prefix(key: str, end: int) -> None:
    check_prefix(key[:end])


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("", "it is empty, or begins with '/'"),
        ("/a", "must not be ''"),
        ("a/", "must not be ''"),
        ("a//b", "must not be ''"),
        ("a/../b", "must not be '..'"),
        (".", "must not be '.'"),
        ("a\nb", "the control character U+000A"),
        ("\udc80", "cannot be written in UTF-8"),
        ("x" * 1025, "it is 1025 bytes long, 1024 are allowed"),
        (b"bytes", "a key is a string, this is of type bytes"),
        (None, "a key is a string, this is of type NoneType"),
    ],
)
def test_says_what_is_wrong(key: str, message: str) -> None:
    with pytest.raises(BadRequest) as caught:
        check_key(key)
    assert message in caught.value.message


def test_long_keys_are_cut_in_messages() -> None:
    with pytest.raises(BadRequest) as caught:
        check_key("x" * 5000)
    assert len(caught.value.message) < 200
    assert MAX_KEY_BYTES == 1024


@pytest.mark.parametrize(("start", "end"), [(-1, None), (-1, 3), (3, 2), (0, -1)])
def test_refuses_ranges_that_run_backwards(start: int, end: int | None) -> None:
    with pytest.raises(BadRequest, match="are not a range"):
        check_range(start, end)


def test_refuses_a_delimiter_of_two_characters() -> None:
    check_delimiter("")
    check_delimiter("/")
    with pytest.raises(BadRequest, match="one character"):
        check_delimiter("--")
