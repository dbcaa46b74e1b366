from __future__ import annotations

from typing import Any

import pytest

from ostler.errors import BadRequest
from ostler_steps.cache import restore, save
from ostler_steps.models import Content, RestoreCacheStep, SaveCacheStep

Context = Any

SAVE = SaveCacheStep(key="pip-1", contents=[Content(source_dir="cache")])


def test_save(context: Context) -> None:
    assert save(SAVE, context) == 0
    assert context.caches == {"pip-1": b"packed"}
    assert context.lines == ["saved the cache pip-1"]


def test_what_is_there_is_not_even_packed(context: Context) -> None:
    context.caches = {"pip-1": b"before"}
    assert save(SAVE, context) == 0
    assert (context.caches, context.packed) == ({"pip-1": b"before"}, [])
    assert context.lines == ["the cache pip-1 exists already and is kept as it is"]


def test_a_longer_key_is_another_cache(context: Context) -> None:
    context.caches = {"pip-12": b"other"}
    save(SAVE, context)
    assert sorted(context.caches) == ["pip-1", "pip-12"]


def test_another_task_was_faster(context: Context) -> None:
    context.raced = True
    assert save(SAVE, context) == 0
    assert context.lines == ["another task has just saved pip-1"]


@pytest.mark.parametrize(
    ("caches", "vanishing", "expected"),
    [
        ({}, set(), None),
        ({"pip-1": b"1"}, set(), b"1"),
        ({"pip-0": b"0"}, set(), b"0"),
        ({"pip-0": b"0", "pip-1x": b"1x"}, set(), b"1x"),
        ({"pip-0": b"0", "pip-1": b"1"}, {"pip-1"}, b"0"),
        ({"npm-1": b"n"}, set(), None),
    ],
)
def test_the_first_key_that_finds_one_is_restored(
    context: Context, caches: dict[str, bytes], vanishing: set[str], expected: bytes | None
) -> None:
    context.caches, context.vanishing = caches, vanishing
    if vanishing:
        context.find_cache = lambda key, prefix: {"pip-1": "pip-1", "pip-": "pip-0"}[key]
    assert restore(RestoreCacheStep(keys=["pip-1", "pip-"], dest_dir="d"), context) == 0
    assert context.unpacked == ([(expected, "d", "")] if expected else [])


def test_a_wrong_template_is_an_error(context: Context) -> None:
    with pytest.raises(BadRequest):
        restore(RestoreCacheStep(keys=["{{"]), context)
