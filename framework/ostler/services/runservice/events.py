"""Events of runs, told at least once: stored with the change, removed when everyone was told."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import asdict

from ostler.clock import Clock
from ostler.kv import KeyValueStore
from ostler.runs.model import Run
from ostler.runs.views import run_view
from ostler.spi.kv import Operation, Put
from ostler.spi.runs import RunEvent, RunView

from . import keys
from .values import dump, load

__all__ = ["EventTeller", "Events", "event_of"]


def event_of(before: Run | None, after: Run, now: float) -> RunEvent | None:
    """Return the event of a change, or None when neither phase nor result changed."""
    phase = before.phase.value if before else ""
    result = before.result.value if before else ""
    if (phase, result) == (after.phase.value, after.result.value):
        return None
    return RunEvent(run=run_view(after), time=now, previous_phase=phase, previous_result=result)


class Events:
    """Makes the operations that store an event together with the change that it tells of.

    Whoever changes a run stores them; who tells them is an `EventTeller`, of any process.

    :param wanted: whether anybody listens: else nothing is stored.
    """

    def __init__(self, clock: Clock, *, wanted: bool) -> None:
        self._clock = clock
        self._wanted = wanted

    def of(self, before: Run, after: Run) -> list[Operation]:
        """Return what stores the event of a change, nothing if it changed neither phase nor result."""
        event = event_of(before, after, self._clock.now()) if self._wanted else None
        return [Put(keys.EVENTS + self._clock.new_id(), dump(asdict(event)))] if event else []


class EventTeller:
    """Tells stored events in a thread of its own, and forgets those that were told.

    :param tell: whom to tell; it isolates and reports its own failures.
    """

    def __init__(self, kv: KeyValueStore, tell: Callable[[RunEvent], None]) -> None:
        self._kv = kv
        self._tell = tell
        self._wake: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="run-events", daemon=True)

    def start(self) -> None:
        """Begin, with what an earlier process left untold."""
        self._thread.start()
        self.wake()

    def wake(self) -> None:
        """Say that there may be something to tell."""
        self._wake.put(True)

    def close(self) -> None:
        """Tell what is left and end."""
        self._wake.put(False)
        self._thread.join()

    def _run(self) -> None:
        go_on = True
        while go_on:
            go_on = self._wake.get()
            for item in list(self._kv.items(keys.EVENTS)):
                value = load(item)
                self._tell(RunEvent(**{**value, "run": RunView(**value["run"])}))
                self._kv.delete(item.key)
