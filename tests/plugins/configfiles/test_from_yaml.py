from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ostler.errors import BadRequest
from ostler.spi.configs import Document, Fault
from ostler_configfiles import from_yaml

names = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), max_size=6)
data: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | names,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


def read(text: str) -> Document:
    return from_yaml.read(text, "a.yml")


@given(data, st.booleans())
def test_what_was_written_is_read(value: object, flow: bool) -> None:
    text = yaml.safe_dump(value, default_flow_style=flow, allow_unicode=True)
    assert value == read(text).value


@given(data)
def test_every_value_has_a_line(value: object) -> None:
    document = read(yaml.safe_dump(value))
    assert len(document.lines) == len(list(document.lines))
    assert all(line >= 1 for line in document.lines.values())


def test_lines_are_those_of_keys_and_items() -> None:
    text = "a:\n  b:\n    - x\n    - y: 1\n      z: |\n        text\nc: {d: 1,\n  e: 2}\n"
    assert dict(read(text).lines) == {
        (): 1,
        ("a",): 1,
        ("a", "b"): 2,
        ("a", "b", 0): 3,
        ("a", "b", 1): 4,
        ("a", "b", 1, "y"): 4,
        ("a", "b", 1, "z"): 5,
        ("c",): 7,
        ("c", "d"): 7,
        ("c", "e"): 8,
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("# nothing", None),
        ("---", None),
        ("~", None),
        ("yes", True),
        ("Off", False),
        ("'yes'", "yes"),
        ("12", 12),
        ("-3", -3),
        ("0x1f", 31),
        ("0o17", 15),
        ("010", "010"),
        ("1_000", "1_000"),
        ("22:22", "22:22"),
        ("2024-01-01", "2024-01-01"),
        ("1.50", 1.5),
        ("1e3", 1000.0),
        ("-.inf", float("-inf")),
        ("1.2.3", "1.2.3"),
        ("v1", "v1"),
        ("=", "="),
        ("!!str 12", "12"),
        ("!!map {}", {}),
        ("!!seq []", []),
        ("9" * 400, "9" * 400),
        ("{on: 1, 2: 3, null: 4}", {"on": 1, "2": 3, "null": 4}),
        ("[a, *a, b]".replace("a,", "&a a,", 1), ["a", "a", "b"]),
        ("{&k key: v, v: *k}", {"key": "v", "v": "key"}),
        ("[&k key, {*k : v}]", ["key", {"key": "v"}]),
        ("x: &x {a: 1}\ny: {<<: *x, b: 2}", {"x": {"a": 1}, "y": {"a": 1, "b": 2}}),
        (
            "[&x {a: 1}, &y {a: 2, b: 2}, {<<: [*x, *y]}]",
            [{"a": 1}, {"a": 2, "b": 2}, {"a": 1, "b": 2}],
        ),
        ("[&x {a: 1}, {a: 0, <<: *x}]", [{"a": 1}, {"a": 0}]),
        ("{'<<': 1}", {"<<": 1}),
    ],
)
def test_values(text: str, expected: object) -> None:
    assert expected == read(text).value


def test_what_an_alias_repeats_keeps_the_line_of_its_anchor() -> None:
    lines = read("a: &a\n  b: 1\nc: *a\nd:\n  <<: *a\n").lines
    assert (lines["c",], lines["c", "b"], lines["d", "b"]) == (3, 2, 2)


def test_a_key_that_is_there_twice() -> None:
    document = read("a:\n  b: 1\n  c: 2\n  b: 3\n")
    message = 'the key "b" is there twice, in line 2 and in line 4'
    assert document.faults == (Fault(("a", "b"), message),)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a:\n\tb: 1", 2, "a tab cannot indent"),
        ("a: [1", 1, "not YAML: did not find expected ',' or ']'"),
        ("a: 'x", 1, "not YAML: found unexpected end of stream"),
        ("a: 1\nb: c: d", 2, "not YAML: mapping values are not allowed"),
        ("a: 1\n--- \nb: 2", 2, "a second document begins"),
        ("a: *b", 1, "the alias *b has no anchor"),
        ("a: &a [*a]", 1, "the alias *a is inside of what it repeats"),
        ("[&a [1], {*a : 2}]", 1, "the alias *a cannot be a key"),
        ("{[1]: 2}", 1, "a key must be text"),
        ("a: !env x", 1, "the tag !env means nothing"),
        ("a: !!set {x}", 1, "the tag !!set means nothing"),
        ("a: !!int 5", 1, "the tag !!int means nothing"),
        ("\n<<: 1", 2, 'what "<<" merges must be'),
        ("\n\na: \x01", 3, "character"),
        ("[" * 101 + "]" * 101, 1, "more than 100 levels deep"),
    ],
)
def test_what_cannot_be_read(text: str, line: int, message: str) -> None:
    with pytest.raises(BadRequest) as caught:
        read(text)
    assert message in caught.value.message
    assert caught.value.details == {"line": line}


def test_aliases_cannot_multiply_without_bound() -> None:
    bomb = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    bomb += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    with pytest.raises(BadRequest, match="aliases repeat more than"):
        read("\n".join(bomb))


def test_without_the_parser_in_c_the_same_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: &a\n  - b: c\nd: *a\n"
    fast = read(text)
    monkeypatch.setattr(from_yaml, "_LOADER", yaml.SafeLoader)
    slow = read(text)
    assert (fast.value, dict(fast.lines)) == (slow.value, dict(slow.lines))
