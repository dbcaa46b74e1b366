import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostler.errors import BadRequest
from ostler.runs.when import Pattern, Rule, Source, When

NAMES = st.sampled_from(["", "main", "dev", "v1", "v2"])
patterns = st.sampled_from(["main", "dev", "v1", "/v.*/", "/^main$/", "#a#"]).map(Pattern.parse)
rules = st.builds(
    Rule, st.lists(patterns, max_size=2).map(tuple), st.lists(patterns, max_size=2).map(tuple)
)
whens = st.builds(When, rules, rules, rules)
sources = st.builds(Source, NAMES, NAMES, NAMES)


def values(source: Source) -> list[str]:
    return [source.branch, source.tag, source.ref]


def parts(when: When) -> list[Rule]:
    return [when.branch, when.tag, when.ref]


def pairs(when: When, source: Source) -> list[tuple[Rule, str]]:
    return list(zip(parts(when), values(source), strict=True))


@given(whens, sources)
def test_an_exclusion_always_wins(when: When, source: Source) -> None:
    if any(rule.excludes(value) for rule, value in pairs(when, source)):
        assert not when.matches(source)


@given(whens, sources)
def test_without_an_exclusion_one_inclusion_is_enough(when: When, source: Source) -> None:
    if not any(rule.excludes(value) for rule, value in pairs(when, source)):
        wanted = any(rule.includes(value) for rule, value in pairs(when, source))
        empty = not any(rule.include for rule in parts(when))
        assert (wanted or empty) == when.matches(source)


@given(whens)
def test_without_a_source_only_what_includes_nothing_matches(when: When) -> None:
    assert when.matches(Source()) == (not any(rule.include for rule in parts(when)))


@given(whens, sources)
def test_further_exclusions_never_add_a_match(when: When, source: Source) -> None:
    fewer = When(*(Rule(rule.include, ()) for rule in parts(when)))
    assert not when.matches(source) or fewer.matches(source)


@given(st.text(), st.text())
def test_a_plain_pattern_is_equality(text: str, value: str) -> None:
    pattern = Pattern(text)
    assert pattern.matches(value) == (text == value)


@given(st.text(alphabet="abv.1/", min_size=1).map(re.escape), st.text(alphabet="abv.1/"))
def test_a_regular_expression_is_searched_for(expression: str, value: str) -> None:
    expected = re.search(expression, value) is not None
    assert expected == Pattern.parse(f"/{expression}/").matches(value)


@pytest.mark.parametrize("text", ["/", "//", "#", "main", "/main", "main/", "/main#"])
def test_what_is_not_delimited_is_plain(text: str) -> None:
    assert Pattern.parse(text) == Pattern(text)


@pytest.mark.parametrize("text", ["/(/", "#[#", "/[[:alpha:]]/"])
def test_a_wrong_expression_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        Pattern.parse(text)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (Source(branch="master"), True),
        (Source(branch="dev"), False),
        (Source(tag="v2.0"), True),
        (Source(tag="v1.2"), False),
        (Source(branch="master", tag="v1.2"), False),
        (Source(ref="refs/pull/7/head"), True),
        (Source(), False),
    ],
)
def test_the_kinds_are_alternatives(source: Source, expected: bool) -> None:
    when = When(
        branch=Rule((Pattern.parse("master"),)),
        tag=Rule((Pattern.parse("/v.*/"),), (Pattern.parse("/v1.*/"),)),
        ref=Rule((Pattern.parse("/refs/pull/.*/"),)),
    )
    assert expected == when.matches(source)
