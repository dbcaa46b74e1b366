"""What is refused before anything is written."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ostler.errors import BadRequest

__all__ = ["check_groups", "check_id", "check_type"]

_TYPE = re.compile("[a-z][a-z0-9-]{0,63}")
_MOST = 512


def check_type(type: str) -> str:
    """Return the name of a type of entries.

    :raises BadRequest: not 1 to 64 of ``a-z``, ``0-9`` and ``-``, a letter first.
    """
    if not _TYPE.fullmatch(type):
        raise BadRequest(
            f"{type!r} is no name of a type: 1 to 64 of a-z, 0-9 and '-', a letter first"
        )
    return type


def check_id(id: str) -> None:
    """Refuse what is no id.

    :raises BadRequest: not 1 to 512 bytes of UTF-8.
    """
    if type(id) is str and id.isascii() and 0 < len(id) <= _MOST:
        return
    _check_text(id, "id of an entry")


def check_groups(groups: Iterable[str]) -> tuple[str, ...]:
    """Return the names of change groups, each once.

    :raises BadRequest: one is not 1 to 512 bytes of UTF-8.
    """
    names = tuple(dict.fromkeys(groups))
    for name in names:
        _check_text(name, "name of a change group")
    return names


def _check_text(text: object, what: str) -> None:
    if not isinstance(text, str):
        raise BadRequest(f"{text!r} is no {what}: it must be a string")
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise BadRequest(f"{text!r} is no {what}: it cannot be written in UTF-8") from error
    if not 0 < size <= _MOST:
        raise BadRequest(f"{text[:40]!r} is no {what}: it has {size} bytes, 1 to {_MOST} are right")
