"""What the README and the pages say of the S3 plugin is what it is."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TypeGuard

import pytest
from obstore.exceptions import GenericError
from pydantic import SecretStr

from ostler.errors import Error
from ostler_s3.failures import MEANINGS, Failures
from ostler_s3.settings import S3Settings

ROOT = Path(__file__).parents[3]
README = ROOT / "plugins" / "s3" / "README.md"
UNITS = {"MiB": 1 << 20, "GiB": 1 << 30}
IN_WORDS = {
    "endpoint_url": "AWS",
    "region": "`us-east-1`",
    "server_side_encryption": "the bucket's",
}


def rows() -> list[tuple[list[str], str]]:
    table = README.read_text().partition("| setting |")[2].partition("\n\n")[0]
    found = re.findall(r"^\| (`.+?`) \| (.+?) \|", table, re.MULTILINE)
    return [(re.findall("`([^`]+)`", names), default) for names, default in found]


def told(name: str) -> str:
    """The default as the README should tell it."""
    field = S3Settings.model_fields[name]
    default = field.default
    if name in IN_WORDS:
        return IN_WORDS[name]
    if field.is_required():
        return "required"
    if isinstance(default, SecretStr) or default == "":
        return "none"
    if isinstance(default, bool | str):
        return f"`{str(default).lower()}`"
    for unit, size in reversed(UNITS.items()):
        if default >= size:
            return f"{default // size} {unit}"
    return f"{default:.0f}"


def test_every_setting_is_described() -> None:
    described = [name for names, _default in rows() for name in names]
    assert sorted(described) == sorted(S3Settings.model_fields)


def test_the_defaults_are_right() -> None:
    for names, default in rows():
        assert [told(name) for name in names] == [default] * len(names), names


SECTION = "## An S3 storage fails"


def answers() -> list[tuple[str, str, str]]:
    """Of the troubleshooting page: what S3 answers, the error, the sentence."""
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    section = page.partition(f"\n{SECTION}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \| `(\w+)` \| (.+?) \|", section, re.MULTILINE)


@pytest.mark.parametrize(("code", "kind", "sentence"), answers())
def test_what_an_answer_means(code: str, kind: str, sentence: str) -> None:
    said = GenericError(f"status code: 400: <Error><Code>{code}</Code></Error>")
    error: Error = Failures("bucket 'ostler'").typed(said, "k")
    assert type(error).__name__ == kind
    for part in sentence.split(" … "):
        assert part in error.message.replace("`", "")


def test_every_answer_that_has_a_sentence_is_there() -> None:
    assert sorted(code for code, _kind, _sentence in answers()) == sorted(MEANINGS)


def messages() -> list[str]:
    """Every text in the plugin's source, with an ellipsis where something is filled in."""
    trees = [ast.parse(path.read_text()) for path in (README.parent / "ostler_s3").glob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    return [
        "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
        for node in nodes
        if isinstance(node, ast.JoinedStr)
    ] + [node.value for node in nodes if isinstance(node, ast.Constant) and _is_text(node.value)]


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str)


def test_other_sentences_are_real() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    table = page.partition("| what is said | what to do |")[2].partition("\n\n")[0]
    said = re.findall(r"^\| ([^-|].+?) \|", table, re.MULTILINE)
    fragments = [each.strip(" ;()…") for sentence in said for each in sentence.split("…")]
    known = messages()
    lost = [each for each in fragments if each and not any(each in text for text in known)]
    assert (len(said), lost) == (13, [])
