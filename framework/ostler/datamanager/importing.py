"""Entries of an export go into a database, in commits of bounded size."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from ostler.errors import BadRequest, Conflict

from .database import Datamanager
from .exporting import FORMAT, VERSION
from .records import Put

__all__ = ["Imported", "Merge", "import_lines"]

_ENTRIES = 1000
_BYTES = 4 << 20
_ATTEMPTS = 100


class Merge(Protocol):
    """What becomes of an entry that the database has already."""

    def groups(self, entry: Put) -> Iterable[str]:
        """Return the change groups of an entry: whoever writes it moves them."""

    def merged(self, entry: Put, here: bytes) -> bytes:
        """Return what is to be stored, ``here`` to leave it as it is."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did.

    :param entries: in the export.
    :param written: those that were stored; the others were there already.
    """

    entries: int
    written: int


def import_lines(
    database: Datamanager, lines: Iterable[bytes], *, merge: Merge, into_any: bool = False
) -> Imported:
    """Store the entries of an export. What was stored before an error stays; repeat it with ``into_any``.

    :param into_any: the database may have entries; without it, it must be empty.
    :raises BadRequest: that is no export, of a later version, or it breaks off inside of a line.
    :raises Conflict: the database is not empty (code ``"not_empty"``).
    """
    numbered = enumerate(lines, start=1)
    _check_header(next(numbered, (1, b""))[1])
    if not into_any and database.has_entries():
        raise Conflict(
            "the database has entries already: import into an empty one, or merge", code="not_empty"
        )
    entries = written = 0
    puts = (_entry(line, number) for number, line in numbered)
    while batch := list(_batch(puts)):
        entries += len(batch)
        written += _store(database, batch, merge)
    return Imported(entries, written)


def _batch(puts: Iterator[Put]) -> Iterator[Put]:
    size = 0
    for put in islice(puts, _ENTRIES):
        yield put
        size += len(put.data)
        if size >= _BYTES:
            return


def _store(database: Datamanager, batch: Sequence[Put], merge: Merge) -> int:
    """Store a batch; return how many of it were to be written."""
    groups = dict.fromkeys(group for put in batch for group in merge.groups(put))
    for _ in range(_ATTEMPTS):
        reading = database.read([(put.type, put.id) for put in batch], groups=groups)
        puts = [
            chosen
            for put, here in zip(batch, reading.values, strict=True)
            if (chosen := _chosen(put, here, merge)).data != here
        ]
        if not puts:
            return 0
        try:
            database.commit(puts, token=reading.token if groups else None)
        except Conflict as error:
            if error.code != "changed":
                raise
        else:
            return len(puts)
    raise Conflict("others change the same too fast: import while nothing runs")


def _chosen(put: Put, here: bytes | None, merge: Merge) -> Put:
    if here is None or here == put.data:
        return put
    return Put(put.type, put.id, merge.merged(put, here))


def _check_header(line: bytes) -> None:
    header = _object(line, 1)
    if header.get("format") != FORMAT:
        raise BadRequest("this is no export of a database: its first line does not say so")
    version = header.get("version")
    if version != VERSION:
        raise BadRequest(
            f"this export has version {version!r} and this program reads {VERSION}: use the "
            "Ostler that wrote it, or a later one"
        )


def _entry(line: bytes, number: int) -> Put:
    value = _object(line, number)
    try:
        return Put(value["type"], value["id"], b64decode(value["data"], validate=True))
    except (KeyError, TypeError, ValueError) as error:
        raise BadRequest(f"line {number} of the export is no entry: {error!r}") from error


def _object(line: bytes, number: int) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise BadRequest(f"line {number} of the export is no JSON, or broken off") from error
    if not isinstance(value, dict):
        raise BadRequest(f"line {number} of the export is no JSON object")
    return value
