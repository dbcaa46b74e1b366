"""The index of archived runs, as up to date as the datamanager each time it is asked."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ostler.datamanager import Datamanager
from ostler.errors import Compacted
from ostler.runs.model import Run

from ..entries import RUN
from ..selection import Selection
from . import queries
from .files import IndexFile, memory
from .schema import SCHEMA, Position, apply, fill, position

__all__ = ["RunIndex"]

T = TypeVar("T")

_LOG = logging.getLogger(__name__)


class RunIndex:
    """Finds archived runs. Usable from many threads and processes, which take turns.

    What is in the datamanager is in the answer; there is no state in which the
    index is out of date, for it is brought up to date before it is asked.

    :param directory: where its file is kept.
    """

    def __init__(self, datamanager: Datamanager, directory: Path) -> None:
        self._datamanager = datamanager
        self._directory = directory

    def select(self, selection: Selection, limit: int | None = None) -> tuple[Run, ...]:
        """Return archived runs without their tasks, newest first, at most ``limit``."""
        return self._ask(lambda connection: queries.select(connection, selection, limit))

    def referring(self, config_id: str) -> set[str]:
        """Return the ids of archived runs of a config."""
        return self._ask(lambda connection: queries.referring(connection, config_id))

    def _ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        file = IndexFile(self._directory / f"runs-{self._datamanager.cluster}-{SCHEMA}.db")
        try:
            with file.locked():
                try:
                    return self._answer(file, question)
                except sqlite3.DatabaseError:
                    file.discard()
                    return self._answer(file, question)
        except (OSError, sqlite3.Error) as error:
            _LOG.warning("the index of runs cannot be kept in a file, so this is slow: %s", error)
        with contextlib.closing(memory()) as connection:
            self._fill(connection)
            return question(connection)

    def _answer(self, file: IndexFile, question: Callable[[sqlite3.Connection], T]) -> T:
        known = file.exists
        with contextlib.closing(file.open()) as connection:
            if known:
                known, moved = self._follow(connection)
            if known:
                answer = question(connection)
        if not known:
            file.discard()
            with contextlib.closing(file.open()) as connection:
                self._fill(connection)
                answer, moved = question(connection), True
        if moved:
            file.leave()
        return answer

    def _follow(self, connection: sqlite3.Connection) -> tuple[bool, bool]:
        """Take in what was committed since; return whether that could be told, and whether there was any."""
        at = position(connection)
        try:
            changes = self._datamanager.changes(RUN, at.number, at.digest)
        except Compacted:
            return False, False
        if changes.number == at.number:
            return True, False
        if not changes.entries and changes.number - at.number < _UNTOLD:
            return True, False  # nothing to write: the next one looks again
        apply(connection, changes.entries, Position(changes.number, changes.digest))
        return True, True

    def _fill(self, connection: sqlite3.Connection) -> None:
        snapshot = self._datamanager.snapshot()
        entries = self._datamanager.scan(RUN, at=snapshot)
        fill(connection, entries, Position(snapshot.commit, snapshot.digest))


_UNTOLD = 500
