import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostler.errors import BadRequest
from ostler.spi.configs import Document, Fault
from ostler_configfiles import from_json

data: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def read(text: str) -> Document:
    return from_json.read(text, "a.json")


@given(data, st.sampled_from([None, 0, 2]), st.booleans())
def test_what_was_written_is_read(value: object, indent: int | None, ascii: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii)
    assert value == read(text).value


@given(st.text(alphabet='{}[]:,"\\ \n1-.etrufalsn'))
def test_what_json_refuses_is_refused(text: str) -> None:
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(BadRequest):
            read(text)
    else:
        assert expected == read(text).value


def test_lines_are_those_of_keys_and_items() -> None:
    text = '\n{\n"a": [1,\n2],\n"b"\n:\n{"c": null}}\n'
    assert dict(read(text).lines) == {
        (): 2,
        ("a",): 3,
        ("a", 0): 3,
        ("a", 1): 4,
        ("b",): 5,
        ("b", "c"): 7,
    }


def test_a_key_that_is_there_twice() -> None:
    document = read('[{"a": 1,\n"a": 2}]')
    message = 'the key "a" is there twice, in line 1 and in line 2'
    assert document.faults == (Fault((0, "a"), message),)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "expected a value, found the end of the file"),
        ("{\n", 2, "expected a key in double quotes, found the end of the file"),
        ('{"a" 1}', 1, 'expected ":" after a key, found 1'),
        ('{"a": 1,\n}', 2, 'expected a key in double quotes, found "}"'),
        ("[1,\n]", 2, 'expected a value, found "]"'),
        ("[1 2]", 1, 'expected "," or "]", found 2'),
        ("[1}", 1, 'expected "," or "]", found "}"'),
        ("1\n2", 2, "expected the end of the file, found 2"),
        ("{'a': 1}", 1, '"\'" is not JSON'),
        ("[\n// x\n]", 2, "'/' is not JSON"),
        ("[True]", 1, "'True' is not JSON"),
        ("[01]", 1, "'01' is not JSON"),
        ('["a\n"]', 1, "a string does not end in its line"),
        ('["\\x"]', 1, "has a wrong escape"),
        ("[" * 200_000, 1, "more than 100 levels deep"),
    ],
)
def test_what_cannot_be_read(text: str, line: int, message: str) -> None:
    with pytest.raises(BadRequest) as caught:
        read(text)
    assert message in caught.value.message
    assert caught.value.details == {"line": line}
