from __future__ import annotations

from ostler.errors import BadRequest, NotFound, Unavailable, chain, innermost


def test_a_chain_goes_from_the_outermost_to_the_innermost() -> None:
    inner, outer = NotFound("inner"), BadRequest("outer")
    outer.__cause__ = inner
    assert list(chain(outer)) == [outer, inner]
    assert innermost(outer) is inner


def test_a_chain_that_leads_back_ends() -> None:
    error, other = Unavailable("raised from itself"), Unavailable("other")
    error.__cause__ = error
    assert list(chain(error)) == [error]
    error.__cause__, other.__cause__ = other, error
    assert list(chain(error)) == [error, other]
    assert innermost(error) is other
