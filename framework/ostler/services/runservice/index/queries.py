"""Questions to the index."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from ostler.runs import codec
from ostler.runs.model import Run

from ..entries import unpack_header
from ..selection import Selection

__all__ = ["referring", "select"]

_ANY_VALUE = "id IN (SELECT id FROM annotations WHERE key = ?)"
_VALUE = "id IN (SELECT id FROM annotations WHERE key = ? AND value = ?)"


def select(
    connection: sqlite3.Connection, selection: Selection, limit: int | None
) -> tuple[Run, ...]:
    """Return the archived runs that are selected, without their tasks, newest first."""
    conditions = list(_conditions(selection))
    where = " AND ".join(text for text, _ in conditions) or "TRUE"
    rows = connection.execute(
        f"SELECT header FROM runs WHERE {where} ORDER BY id DESC LIMIT ?",  # noqa: S608 - texts of this module
        [*(value for _, values in conditions for value in values), -1 if limit is None else limit],
    )
    return tuple(
        codec.decode_run(unpack_header(header), tasks={}, revision=0) for (header,) in rows
    )


def referring(connection: sqlite3.Connection, config_id: str) -> set[str]:
    """Return the ids of archived runs of a config."""
    rows = connection.execute("SELECT id FROM runs WHERE config = ?", (config_id,))
    return {run_id for (run_id,) in rows}


def _conditions(selection: Selection) -> Iterator[tuple[str, tuple[Any, ...]]]:
    group = selection.group.rstrip("/")
    if group:
        # "0" is the character behind "/": what begins with "<group>/" is between the two.
        yield '("group" = ? OR ("group" >= ? AND "group" < ?))', (group, f"{group}/", f"{group}0")
    if selection.phase:
        yield "phase = ?", (selection.phase.value,)
    if selection.result:
        yield "result = ?", (selection.result.value,)
    for key, value in selection.annotations.items():
        yield (_ANY_VALUE, (key,)) if value is None else (_VALUE, (key, value))
    if selection.after:
        yield "id < ?", (selection.after,)
