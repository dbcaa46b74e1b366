from __future__ import annotations

from typing import Any

import pytest

from ostler.errors import BadRequest
from ostler.services.transfer import key_spaces, refuse_overlap

A = {"type": "posix", "path": "/srv/a", "persist": True}


@pytest.mark.parametrize(
    ("one", "other", "spaces"),
    [
        (A, A, ("", "")),
        (A, {**A, "path": "/srv/a/b"}, ("", "b/")),
        ({**A, "path": "/srv/a/b"}, A, ("b/", "")),
        (A, {**A, "path": "/"}, ("srv/a/", "")),
        (A, {**A, "path": "/srv/ab"}, None),
        (A, {**A, "path": "/srv/a/b", "type": "posixflat"}, None),
        (
            {"type": "s3", "bucket": "b", "prefix": None},
            {"type": "s3", "bucket": "b", "prefix": "x"},
            ("", "x/"),
        ),
        ({"type": "s3", "bucket": "b"}, {"type": "s3", "bucket": "c"}, None),
        ({"type": "s3", "url": None}, {"type": "s3", "url": "http://x"}, None),
    ],
)
def test_key_spaces(
    one: dict[str, Any], other: dict[str, Any], spaces: tuple[str, str] | None
) -> None:
    assert key_spaces(one, other) == spaces


@pytest.mark.parametrize(("source", "target"), [("", ""), ("", "a/"), ("a/", ""), ("a/b/", "a/")])
def test_places_that_hold_each_other_are_refused(source: str, target: str) -> None:
    with pytest.raises(BadRequest, match="nothing in common"):
        refuse_overlap(source, target)


def test_a_place_that_is_both_is_named_once() -> None:
    with pytest.raises(BadRequest, match=r"^source and target are both all keys of one storage:"):
        refuse_overlap("", "")


def test_neighbours_are_none() -> None:
    refuse_overlap("a/", "ab/")
