"""Whom a place in a run config belongs to: its run, its task, its step."""

from __future__ import annotations

from typing import Any

from ostler.spi.configs import Path

__all__ = ["name_of", "owners", "title"]


def owners(root: Any, path: Path) -> dict[str, str]:
    """Return what a `Problem` says of the owners of ``path``, of those that it has."""
    found: dict[str, str] = {}
    for depth, (kind, describe) in enumerate(_KINDS):
        here = path[2 * depth : 2 * depth + 2]
        if len(here) < 2 or here[0] != f"{kind}s":
            break
        root = _below(_below(root, here[0]), here[1])
        found[kind] = describe(root, int(here[1]) + 1)
    return found


def _below(value: Any, part: str | int) -> Any:
    try:
        return value[part]
    except (KeyError, IndexError, TypeError):
        return None  # a key that is there twice hides what the first one held


def title(entry: Any, number: int) -> str:
    """Return the name of a run or a task, or ``#2`` for the second one when it has none."""
    return name_of(entry) or f"#{number}"


def name_of(entry: Any) -> str:
    """Return the name of a run or a task; empty when it has none."""
    name = entry.get("name") if isinstance(entry, dict) else None
    return name if isinstance(name, str) else ""


def _step_title(entry: Any, number: int) -> str:
    keys = list(entry) if isinstance(entry, dict) else []
    name = entry["type"] if "type" in keys else keys[0] if len(keys) == 1 else None
    return f"{number} ({name})" if isinstance(name, str) else str(number)


_KINDS = (("run", title), ("task", title), ("step", _step_title))
