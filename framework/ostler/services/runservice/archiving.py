"""Runs that are over go from the key-value store into the datamanager.

The whole run is committed there, and only then its keys are removed. A crash
in between leaves both: the next one finds the entry and removes the keys.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import replace

from ostler.datamanager import Datamanager, Delete, Put
from ostler.errors import Error

from . import entries
from .active import ActiveRuns
from .commits import until_settled

__all__ = ["Archiver", "Archiving"]

_LOG = logging.getLogger(__name__)


class Archiving:
    """Moves runs."""

    def __init__(self, active: ActiveRuns, datamanager: Datamanager) -> None:
        self._active = active
        self._datamanager = datamanager

    def move(self, run_id: str) -> None:
        """Move a run if it is over and in the key-value store. Safe to repeat, also at once."""
        while not until_settled(lambda: self._try(run_id), f"archiving run {run_id}"):
            continue  # somebody wrote to it in the same moment: look again

    def _try(self, run_id: str) -> bool:
        """Move it; return whether there is nothing more to do."""
        # What is committed must be read before what is active: when the keys
        # are still there after that, nobody can have removed the run before.
        reading = self._datamanager.read(
            [(entries.RUN, run_id)], groups=[entries.run_group(run_id)]
        )
        stored = self._active.run(run_id)
        if stored is None or not stored.run.phase.final:
            return True
        if reading.values[0] is None:
            data = entries.encode_run(replace(stored.run, archived=True))
            self._datamanager.commit(
                [Put(entries.RUN, run_id, data), Delete(entries.RESERVATION, run_id)],
                token=reading.token,
            )
        return self._active.delete(run_id, stored.run.revision)


class Archiver:
    """Moves runs in a thread of its own, so that no other run waits for it."""

    def __init__(self, move: Callable[[str], None]) -> None:
        self._move = move
        self._over: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="run-archiver", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def over(self, run_id: str) -> None:
        """Say that a run is over."""
        self._over.put(run_id)

    def close(self) -> None:
        """Move what is over, and end."""
        self._over.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (run_id := self._over.get()) is not None:
            try:
                self._move(run_id)
            except Error as error:
                _LOG.warning("run %s could not be archived and waits for it: %s", run_id, error)
