from __future__ import annotations

import hashlib

import pytest

from ostler.errors import BadRequest
from ostler.services.executor.cachekeys import render


class Source:
    """A pod with one file and one variable, on the first day of March 2026."""

    def digest(self, algorithm: str, path: str) -> str:
        return hashlib.new(algorithm, path.encode()).hexdigest()

    def variable(self, name: str) -> str | None:
        return {"X": "value", "EMPTY": ""}.get(name)

    def system(self) -> str:
        return "linux"

    def arch(self) -> str:
        return "arm64"

    def now(self) -> float:
        return 1_772_323_201.9


MD5 = hashlib.md5(b"go.sum").hexdigest()
SHA = hashlib.sha256(b"a b/go.sum").hexdigest()


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("plain", "plain"),
        ('go-{{ md5sum "go.sum" }}', f"go-{MD5}"),
        ('{{sha256sum "a b/go.sum"}}', SHA),
        ("{{ md5sum `go.sum` }}", MD5),
        ('{{ env "X" }}-{{ env "EMPTY" }}.', "value-."),
        ("{{ os }}-{{ arch }}", "linux-arm64"),
        ("{{ year }}-{{ month }}-{{ day }}", "2026-03-01"),
        ("{{ unixtime }}", "1772323201"),
        ("a}}b { {c}", "a}}b { {c}"),
        ("x" * 200, "x" * 200),
    ],
)
def test_render(template: str, expected: str) -> None:
    assert render(template, Source()) == expected


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ md5 }}", "'md5' is none of the functions arch, day, env, md5sum"),
        ("{{ md5sum }}", "md5sum takes 1 arguments, not 0"),
        ('{{ os "x" }}', "os takes 0 arguments, not 1"),
        ("{{ md5sum go.sum }}", "not a function and its arguments in quotes"),
        ("{{ }}", "not a function and its arguments in quotes"),
        ("a-{{ os", "a '{{' is not closed"),
        ('{{ env "NOPE" }}', "the environment has no variable NOPE"),
        ('{{ env "EMPTY" }}', "it is empty"),
        ("y" * 201, "it has 201 characters, at most 200"),
    ],
)
def test_what_is_wrong_is_said(template: str, message: str) -> None:
    with pytest.raises(BadRequest) as caught:
        render(template, Source())
    assert message in caught.value.message
    assert repr(template) in caught.value.message
