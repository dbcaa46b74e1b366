"""Taking turns between processes that write: for speed and fairness only, never for correctness.

Who has just written has a start on those who must first take in what was
written, and would win every number. So processes that wrote lately let each
other in for a time; and one that never comes to write, and so is not seen, asks
for its turn through the key-value store.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import islice

from ostler.errors import Error
from ostler.kv import KeyValueStore

from .names import TURN
from .state import State

__all__ = ["Turns"]

_LOG = logging.getLogger(__name__)
_LATELY = 16
"""Commits."""
_SHARE = 2.5
"""Times what a commit took, for each other process: it takes in, makes durable, and writes."""
_ASKED = 5.0
"""The same for one that asked: it may have to end an attempt first that it has lost."""
_LONGEST = 0.1
"""Seconds of a commit that count: what took longer was held up."""
_LOSSES = 2


class Turns:
    """When this process should let others write, and how it asks them to.

    :param writer: id of this process.
    """

    def __init__(self, kv: KeyValueStore, writer: str) -> None:
        self._kv, self._writer = kv, writer
        self._lost = 0
        self._asked = self._asks = False

    @property
    def asks(self) -> bool:
        """Whether this process wants to ask for its turn: see `ask`."""
        return self._asks

    def won(self, state: State, took: float) -> float:
        """Note a commit that took so many seconds; return for how long to let others in."""
        self._lost = 0
        others = {batch.writer for batch in islice(reversed(state.recent), _LATELY)}
        asked, self._asked = self._asked, False
        return min(took, _LONGEST) * max(_SHARE * len(others - {self._writer}), _ASKED * asked)

    def lost(self) -> bool:
        """Note that somebody else was faster; return whether to `ask` for a turn, for that goes on."""
        self._lost += 1
        self._asks = self._asks or self._lost % _LOSSES == 0
        return self._asks

    def ask(self) -> None:
        """Ask for a turn if that is wanted: not where a commit would have to wait for the store."""
        if self._asks:
            self._asks = False
            self._try(lambda: self._kv.put(TURN, self._writer.encode()))

    def look(self) -> None:
        """Look whether another process asks for its turn."""
        self._try(self._look)

    def _look(self) -> None:
        item = self._kv.get(TURN)
        if item is not None and item.value != self._writer.encode():
            self._asked = True
            self._kv.delete(TURN)

    def _try(self, call: Callable[[], object]) -> None:
        try:
            call()
        except Error as error:
            _LOG.debug("processes cannot take turns now: %s", error.message)
