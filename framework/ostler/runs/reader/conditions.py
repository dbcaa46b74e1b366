"""The ``when`` of runs, tasks and steps."""

from __future__ import annotations

from collections.abc import Iterator

from ostler.errors import BadRequest
from ostler.runs.when import Pattern, Rule, When

from .node import Node

__all__ = ["KINDS", "matches"]

KINDS = ("branch", "tag", "ref")


def matches(members: dict[str, Node]) -> bool:
    """Return whether what has these members runs for the source: as its ``when`` says."""
    node = members.get("when")
    if node is None:
        return True
    rules = {kind: _rule(rule) for kind, rule in node.mapping(KINDS).items() if kind in KINDS}
    return When(**rules).matches(node.reading.source)


def _rule(node: Node) -> Rule:
    if isinstance(node.value, dict):
        members = node.mapping(("include", "exclude"))
        rule = Rule(*(_patterns(members.get(key)) for key in ("include", "exclude")))
    else:
        rule = Rule(_patterns(node))
    if not (rule.include or rule.exclude) and node.value in ({}, []):
        node.fail(f"{node.label} neither includes nor excludes anything: name something")
    return rule


def _patterns(node: Node | None) -> tuple[Pattern, ...]:
    return tuple(_each_pattern(node)) if node is not None else ()


def _each_pattern(node: Node) -> Iterator[Pattern]:
    for item in node.items() if isinstance(node.value, list) else [node]:
        try:
            yield Pattern.parse(item.text())
        except BadRequest as error:
            item.fail(error.message)
