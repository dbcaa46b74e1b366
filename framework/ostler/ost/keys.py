"""What a key is: checked here once, so that no driver has to."""

from __future__ import annotations

import re

from ostler.errors import BadRequest

__all__ = ["MAX_KEY_BYTES", "check_delimiter", "check_key", "check_prefix", "check_range"]

MAX_KEY_BYTES = 1024
"""The longest key, in bytes of its UTF-8."""

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def check_key(key: str) -> None:
    """Accept 1 to 1024 bytes of UTF-8 in ``/``-separated parts, none empty, ``.`` or ``..``.

    :raises BadRequest: it is something else, or holds a control character (code ``"bad_key"``).
    """
    if _is_plain(key):
        return
    reason = _fault(key, "key") or _fault_of_parts(key.split("/")) or _fault_of_length(key)
    if reason:
        raise BadRequest(f"{_shown(key)} is not a key: {reason}", code="bad_key")


def check_prefix(prefix: str, *, what: str = "prefix") -> None:
    """Accept what begins some key, and the empty string.

    :raises BadRequest: no key can begin so (code ``"bad_key"``).
    """
    if prefix == "" or _is_plain(prefix):
        return
    reason = _fault(prefix, what) or _fault_of_parts(prefix.split("/")[:-1])
    reason = reason or _fault_of_length(prefix)
    if reason:
        raise BadRequest(f"{_shown(prefix)} is not a {what}: {reason}", code="bad_key")


def check_delimiter(delimiter: str) -> None:
    """Accept one character, or none.

    :raises BadRequest: it is something else.
    """
    if len(delimiter) > 1:
        raise BadRequest(f"{delimiter!r} is not a delimiter: give one character, or ''")


def check_range(start: int, end: int | None) -> None:
    """Accept ``0 <= start`` and ``start <= end``, in bytes.

    :raises BadRequest: they are something else (code ``"bad_range"``).
    """
    if start >= 0 and (end is None or end >= start):
        return
    raise BadRequest(
        f"bytes {start} to {end} are not a range: give 0 <= start <= end", code="bad_range"
    )


def _is_plain(key: object) -> bool:
    """Whether the cheap questions already show that ``key`` is right: most keys' case."""
    return (
        isinstance(key, str)
        and 0 < len(key) <= MAX_KEY_BYTES
        and key.isascii()
        and key.isprintable()
        and key[0] not in "./"
        and key[-1] != "/"
        and "//" not in key
        and "/." not in key
    )


def _fault(text: object, what: str) -> str:
    if not isinstance(text, str):
        return f"a {what} is a string, this is of type {type(text).__name__}"
    if _SURROGATE.search(text):
        return "it cannot be written in UTF-8"
    found = _CONTROL.search(text)
    return f"it holds the control character U+{ord(found[0]):04X}" if found else ""


def _fault_of_parts(parts: list[str]) -> str:
    if parts == [""]:
        return "it is empty, or begins with '/'"
    for part in parts:
        if part in ("", ".", ".."):
            return f"the parts between its '/' must not be {part!r}"
    return ""


def _fault_of_length(text: str) -> str:
    length = len(text.encode())
    if length <= MAX_KEY_BYTES:
        return ""
    return f"it is {length} bytes long, {MAX_KEY_BYTES} are allowed"


def _shown(text: object) -> str:
    shown = repr(text)
    return shown if len(shown) <= 80 else f"{shown[:60]}…{shown[-10:]}"
