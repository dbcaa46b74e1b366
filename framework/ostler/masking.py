"""Secrets in a stream of bytes, replaced by `MASK` before anyone can read them.

Masked is every occurrence of a secret: as it is, each of its lines, in base64
(standard and URL-safe alphabet, at whichever of the three alignments it came to
lie) and in URL encoding. What overlaps is masked as one. Values and lines
shorter than `SHORTEST` are left alone: masking them would tear the log to
pieces and tell little less.
"""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from functools import lru_cache
from urllib.parse import quote, quote_plus

__all__ = ["MASK", "SHORTEST", "Masker", "forms"]

MASK = b"***"
SHORTEST = 4
"""The fewest bytes that are masked."""

_Span = tuple[int, int]


class Masker:
    """Masks one stream. The result does not depend on how the stream is cut into pieces.

    Holds back only what could be the beginning of a secret.

    :param secrets: the values, as text.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._forms = forms(tuple(secrets))
        self._plain = tuple(form for form in self._forms if b"%" not in form)
        self._escaped = tuple(form for form in self._forms if b"%" in form)
        self._held = b""
        self._masked = 0  # so many bytes of `_held` belong to a mask already written

    def __bool__(self) -> bool:
        """Whether there is anything to mask."""
        return bool(self._forms)

    def feed(self, data: bytes) -> bytes:
        """Take the next piece; return what can be written now."""
        if self._held:
            data = self._held + data
        end = self._pending(data)
        return self._advance(data, end)

    def flush(self) -> bytes:
        """Return what was held back: the stream has ended. What is fed next begins a new one."""
        data = self._advance(self._held, len(self._held))
        self._masked = 0
        return data

    def _advance(self, data: bytes, end: int) -> bytes:
        spans = [] if self._quiet(data) else self._spans(data, end)
        if not (spans or self._masked):
            self._held = data[end:]
            return data[:end] if end < len(data) else data
        out: list[bytes] = []
        position = self._masked
        for begin, stop in spans:
            if begin >= position:
                out += (data[position:begin], MASK)
            position = max(position, stop)
        out.append(data[position:end])
        self._held = data[end:]
        self._masked = max(position - end, 0)
        return b"".join(out)

    def _quiet(self, data: bytes) -> bool:
        """Whether there is no secret in ``data``: one fast pass per form, the usual case."""
        if any(form in data for form in self._plain):
            return False
        return b"%" not in data or not any(form in data for form in self._escaped)

    def _spans(self, data: bytes, end: int) -> list[_Span]:
        """Return where secrets are that begin before ``end``, overlapping ones merged, in order."""
        found = sorted(
            (at, at + len(form)) for form in self._forms for at in _occurrences(data, form, end)
        )
        merged: list[_Span] = []
        for begin, stop in found:
            if merged and begin < merged[-1][1]:
                merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
            else:
                merged.append((begin, stop))
        return merged

    def _pending(self, data: bytes) -> int:
        """Return where the first thing begins that may yet turn out to be a secret."""
        first = len(data)
        for form in self._forms:
            at = data.find(form[:1], max(len(data) - len(form) + 1, 0))
            while 0 <= at < first and not form.startswith(data[at:]):
                at = data.find(form[:1], at + 1)
            if 0 <= at < first:
                first = at
        return first


def _occurrences(data: bytes, form: bytes, end: int) -> Iterator[int]:
    at = data.find(form)
    while 0 <= at < end:
        yield at
        at = data.find(form, at + 1)


@lru_cache(maxsize=256)
def forms(secrets: tuple[str, ...]) -> tuple[bytes, ...]:
    """Return every form in which the secrets are looked for, longest first."""
    found: set[bytes] = set()
    for secret in secrets:
        value = secret.encode(errors="surrogateescape")
        found.update(_encoded(value), _lines(value))
    return tuple(sorted((form for form in found if len(form) >= SHORTEST), key=_longest_first))


def _longest_first(form: bytes) -> tuple[int, bytes]:
    return -len(form), form


def _lines(value: bytes) -> Iterator[bytes]:
    for line in value.splitlines():
        yield line.strip()


def _encoded(value: bytes) -> Iterator[bytes]:
    if len(value) < SHORTEST:
        return
    yield value
    for encode in (b64encode, urlsafe_b64encode):
        for offset in range(3):
            yield _aligned(encode(b"\0" * offset + value), offset, len(value))
    for text in (quote(value), quote(value, safe=""), quote_plus(value)):
        yield text.encode()
        yield _lower_escapes(text)


def _aligned(encoded: bytes, offset: int, size: int) -> bytes:
    """Return those digits that depend on the value alone, not on its neighbours.

    A digit stands for 6 bits: the first whole one begins at or after the
    value's first bit, the last one ends at or before its last bit.
    """
    return encoded[-(-offset * 8 // 6) : (offset + size) * 8 // 6]


def _lower_escapes(text: str) -> bytes:
    parts = text.split("%")
    return "%".join([parts[0], *(part[:2].lower() + part[2:] for part in parts[1:])]).encode()
