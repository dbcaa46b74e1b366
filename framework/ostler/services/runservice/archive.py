"""Archived runs, run configs and reservations, as they are read from the datamanager."""

from __future__ import annotations

from collections.abc import Iterator

from ostler.datamanager import Datamanager
from ostler.runs.config import RunConfig
from ostler.runs.model import Run

from . import entries
from .entries import Reservation

__all__ = ["Archive"]


class Archive:
    """Reads what is in the datamanager. Usable from many threads."""

    def __init__(self, datamanager: Datamanager) -> None:
        self._datamanager = datamanager
        self._last: tuple[bytes, Run] | None = None

    def header(self, run_id: str) -> Run | None:
        """Return an archived run without its tasks; None: there is none."""
        data = self._datamanager.get(entries.RUN, run_id)
        return None if data is None else entries.decode_header(data)

    def run(self, run_id: str) -> Run | None:
        """Return an archived run with its tasks; None: there is none."""
        data = self._datamanager.get(entries.RUN, run_id)
        if data is None:
            return None
        last = self._last
        if last is None or last[0] != data:
            # Who reads the logs of a run asks for each of its tasks.
            self._last = last = (data, entries.decode_run(data))
        return last[1]

    def ids(self, prefix: str) -> Iterator[str]:
        """Yield the ids of archived runs that begin so, oldest first."""
        for run_id, _data in self._datamanager.scan(entries.RUN, prefix=prefix):
            yield run_id

    def config(self, config_id: str) -> RunConfig | None:
        """Return a run config; None: there is none."""
        # It never changes, so what this process knows is as good as what is newest.
        data = self._datamanager.get(entries.CONFIG, config_id, fresh=False)
        if data is None:
            data = self._datamanager.get(entries.CONFIG, config_id)
        return None if data is None else entries.decode_config(data)

    def reservations(self) -> Iterator[Reservation]:
        """Yield the runs that have a counter and are not archived."""
        for _run_id, data in self._datamanager.scan(entries.RESERVATION):
            yield entries.decode_reservation(data)
