from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostler.cli._printable import last_line, printable


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (b"plain text", "plain text"),
        ("schön 漢字".encode(), "schön 漢字"),
        (b"\x1b[31;1mred\x1b[0m", "red"),
        (b"\x1b[2J\x1b[Hcleared", "cleared"),
        (b"\x1b]0;a title\x07after", "after"),
        (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        (b"\x1b(Bcharset \x1b7saved", "charset saved"),
        (b"tab\there\x08\x07", "tab here"),
        (b"\x9b31m caf\xe9 \xff", "31m caf "),
        (b"", ""),
    ],
)
def test_printable(output: bytes, expected: str) -> None:
    assert printable(output) == expected


@given(st.binary())
def test_nothing_of_any_output_reaches_the_terminal_but_characters(output: bytes) -> None:
    assert printable(output).isprintable()


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (b"one\ntwo\n", "two"),
        (b"one\nnot ended", "not ended"),
        (b"one\n\n  \n\x1b[0m\n", "one"),
        (b"at 10%\rat 20%\rat 30%", "at 30%"),
        (b"at 99%\r\n", "at 99%"),
        (b"\n", ""),
    ],
)
def test_last_line(output: bytes, expected: str) -> None:
    assert last_line(output) == expected
