from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostler_sqlite.schema import first_id, following, lower_bound, revision_of

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4)
EDGES = st.text(st.sampled_from("a\ud7ff\ue000\U0010fffe\U0010ffff"), max_size=4)


@given(prefix=TEXT | EDGES, key=TEXT | EDGES)
def test_following_is_the_end_of_a_prefix(prefix: str, key: str) -> None:
    end = following(prefix)
    before_end = isinstance(end, bytes) or key.encode() < end.encode()
    assert (key.encode() >= prefix.encode() and before_end) == key.startswith(prefix)


@given(prefix=TEXT, after=TEXT, key=TEXT.filter(bool))
def test_lower_bound_is_the_begin_of_a_listing(prefix: str, after: str, key: str) -> None:
    listed = key.startswith(prefix) and key > after
    assert (key >= lower_bound(prefix, after) and key.startswith(prefix)) == listed


@pytest.mark.parametrize("revision", [1, 2, 1 << 38])
def test_ids_tell_their_revision(revision: int) -> None:
    assert revision_of(first_id(revision)) == revision
    assert revision_of(first_id(revision + 1) - 1) == revision


def test_empty_history_is_the_first_revision() -> None:
    assert revision_of(None) == 1
