from __future__ import annotations

import base64
from itertools import pairwise
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ostler.masking import MASK, Masker, forms

TOKEN = "s3cr3t-Token/Value=91 82"

# few letters, so that secrets overlap, repeat and begin again all the time
letters = st.text(alphabet="ab/%\n", min_size=0, max_size=9)
secret_lists = st.lists(letters, max_size=3)
pieces = st.lists(st.text(alphabet="ab/%\n ", max_size=12).map(str.encode), max_size=8)


def masked(secrets: list[str], *chunks: bytes) -> bytes:
    masker = Masker(secrets)
    return b"".join([*map(masker.feed, chunks), masker.flush()])


def masked_by_definition(secrets: list[str], data: bytes) -> bytes:
    """Every occurrence of every form; those that overlap are one mask."""
    spans = sorted(
        (at, at + len(form))
        for form in forms(tuple(secrets))
        for at in range(len(data))
        if data.startswith(form, at)
    )
    out, position = b"", 0
    for begin, end in spans:
        if begin >= position:
            out += data[position:begin] + MASK
        position = max(position, end)
    return out + data[position:]


@given(secret_lists, pieces)
@example(["abab"], [b"aba", b"bab", b"ab"])
@example(["aaaa", "aab/"], [b"aaa", b"aa", b"b", b"/"])
def test_any_chunking_is_masked_as_the_whole(secrets: list[str], chunks: list[bytes]) -> None:
    whole = b"".join(chunks)
    assert masked(secrets, *chunks) == masked_by_definition(secrets, whole)
    assert masked(secrets, whole) == masked_by_definition(secrets, whole)


@given(
    st.text(min_size=4, max_size=40).filter(lambda text: "*" not in text),
    st.binary(max_size=7).filter(lambda data: b"*" not in data),
    st.integers(1, 9),
)
def test_no_form_survives(secret: str, before: bytes, step: int) -> None:
    value = secret.encode()
    data = b" ".join(
        [
            before + value,
            base64.b64encode(before + value),
            base64.urlsafe_b64encode(before + value + before),
            quote(secret).encode(),
            quote_plus(secret).encode(),
        ]
    )
    chunks = [data[at : at + step] for at in range(0, len(data), step)]
    out = masked([secret], *chunks)
    assert [form for form in forms((secret,)) if form in out] == []


@pytest.mark.parametrize("offset", range(3))
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("after", [b"", b"!", b"!!"])
def test_base64_at_every_alignment_leaves_at_most_its_edges(offset, encode, after) -> None:
    encoded = encode(b"x" * offset + TOKEN.encode() + after)
    out = masked([TOKEN], encoded)
    assert MASK in out
    assert len(out) <= len(MASK) + 9


@pytest.mark.parametrize(
    ("secret", "text", "expected"),
    [
        (TOKEN, f"token={TOKEN}\n", "token=***\n"),
        (TOKEN, "?t=s3cr3t-Token%2FValue%3D91%2082", "?t=***"),
        (TOKEN, "?t=s3cr3t-Token%2fValue%3d91+82", "?t=***"),
        (TOKEN, "?t=s3cr3t-Token%2FValue%3D91+82", "?t=***"),
        ("first line\nsecond line\n", "> second line <", "> *** <"),
        ("first line\nsecond line", "first line\nsecond line", "***"),
        ("  indented\n  lines\r\n", "lines indented", "*** ***"),
        ("abc", "abc is too short to be masked", "abc is too short to be masked"),
        ("", "nothing", "nothing"),
        ("a\nb\nlong enough\n", "a b long enough", "a b ***"),
        ("grün", "grün gr%C3%BCn gr%c3%bcn", "*** *** ***"),
    ],
)
def test_forms(secret: str, text: str, expected: str) -> None:
    assert masked([secret], text.encode()) == expected.encode()


def test_only_what_could_become_a_secret_is_held_back() -> None:
    masker = Masker(["hunter22"])
    assert masker.feed(b"the password is hunt") == b"the password is "
    assert masker.feed(b"ing\n") == b"hunting\n"
    assert masker.feed(b"hunter2") == b""
    assert masker.feed(b"2!") == b"***!"
    assert masker.feed(b"hun") == b""
    assert masker.flush() == b"hun"
    assert masker.feed(b"ter22") == b"ter22"


def test_a_masker_without_secrets_is_false_and_changes_nothing() -> None:
    assert not Masker([])
    assert not Masker(["abc"])
    assert Masker(["abcd"])
    assert masked([], b"any", b"thing") == b"anything"


def test_forms_come_longest_first() -> None:
    lengths = [len(form) for form in forms((TOKEN, "another one\nof two lines"))]
    assert all(a >= b for a, b in pairwise(lengths))
