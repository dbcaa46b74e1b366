from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ostler.archives import Globs
from ostler.errors import BadRequest

part = st.text(alphabet="ab.", min_size=1, max_size=3).filter(lambda text: text not in (".", ".."))
name = st.lists(part, min_size=1, max_size=4).map("/".join)
pattern_part = st.sampled_from(
    ["**", "*", "a", "b", "a*", "*b", "?", "[ab]", "[!a]", "a?b", ".*", "*a*"]
)
pattern = st.lists(pattern_part, min_size=1, max_size=4).map("/".join)


def matches(parts: list[str], patterns: list[str]) -> bool:
    """The rule, part by part: what the regular expression must agree with."""
    if not patterns:
        return True  # the directory matched, and brings what is in it
    if not parts:
        return False
    if patterns[0] == "**":
        rest = patterns[1:]
        if not rest:
            return True
        return any(matches(parts[skip:], rest) for skip in range(len(parts)))
    return fnmatchcase(parts[0], patterns[0]) and matches(parts[1:], patterns[1:])


@given(pattern, name)
@example("**/a", "a")
@example("a/**", "a")
@example("a/**/b", "a/b")
@example("**/**", "a")
def test_globs_follow_the_rule_part_by_part(pattern: str, name: str) -> None:
    assert Globs([pattern]).match(name) == matches(name.split("/"), pattern.split("/"))


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("*.py", "a.py", True),
        ("*.py", "src/a.py", False),
        ("**/*.py", "a.py", True),
        ("**/*.py", "src/deep/a.py", True),
        ("**.py", "src/deep/a.py", True),
        ("src", "src/deep/a.py", True),
        ("src/", "src/deep/a.py", True),
        ("./src", "src/a.py", True),
        ("sr", "src/a.py", False),
        (".", "anything/at/all", True),
        ("*", ".hidden/file", True),
        ("a/**", "a", False),
        ("[a-c]x", "bx", True),
        ("[!a-c]x", "bx", False),
        ("[^a-c]x", "dx", True),
        ("a[/]b", "a/b", False),
        ("[]]", "]", True),
        ("[", "[", True),
        ("\\*", "*", True),
        ("\\*", "a", False),
        ("a+(b)|c$", "a+(b)|c$", True),
        ("a\nb", "a\nb", True),
        ("?", "/", False),
        ("größe*", "größer", True),
    ],
)
def test_globs(pattern: str, name: str, expected: bool) -> None:
    assert Globs([pattern]).match(name) is expected


def test_patterns_that_matched_nothing_are_known() -> None:
    globs = Globs(["*.txt", "docs", "*.c"])
    assert [globs.match(name) for name in ("a.txt", "src/b.c", "docs/x")] == [True, False, True]
    assert globs.missing == ["*.c"]


@pytest.mark.parametrize("pattern", ["", "/etc/*", "../x", "a/../b", "[z-a]"])
def test_wrong_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(BadRequest, match="glob"):
        Globs([pattern])
