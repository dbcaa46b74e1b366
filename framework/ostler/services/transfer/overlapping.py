"""Whether two places are, in part, the same. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ostler.errors import BadRequest

__all__ = ["key_spaces", "refuse_overlap"]

_ROOTS = ("path", "prefix")
"""Fields of a storage's settings that go before its keys, by their usual names."""


def key_spaces(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return what to put before the keys of two storages so that equal keys are one object.

    One of the two is empty. None: they share nothing, as far as their settings tell.

    :param one: its settings, and its ``type``.
    """
    different = [name for name in {*one, *other} if one.get(name) != other.get(name)]
    if not different:
        return "", ""
    if len(different) > 1 or different[0] not in _ROOTS:
        return None
    upper, lower = (_as_prefix(each.get(different[0])) for each in (one, other))
    if lower.startswith(upper):
        return "", lower.removeprefix(upper)
    if upper.startswith(lower):
        return upper.removeprefix(lower), ""
    return None


def refuse_overlap(source: str, target: str) -> None:
    """Accept two prefixes, in one key space, of which none is below the other.

    :raises BadRequest: a copy from one to the other would copy what it has just copied,
        or remove what it was to copy.
    """
    if not (source.startswith(target) or target.startswith(source)):
        return
    if source == target:
        what = f"source and target are both {_shown(source)} of one storage"
    else:
        what = f"{_shown(source)} and {_shown(target)} are in one storage, and one holds the other"
    raise BadRequest(f"{what}: choose places that have nothing in common")


def _as_prefix(root: Any) -> str:
    text = str(root or "")
    return f"{text.rstrip('/')}/" if text else ""


def _shown(prefix: str) -> str:
    return repr(prefix) if prefix else "all keys"
