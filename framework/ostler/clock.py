"""The only source of time, randomness and ids. Everything takes a `Clock`."""

from __future__ import annotations

import random
import secrets
import threading
import time
from typing import Protocol

__all__ = ["Clock", "SystemClock"]

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_TIME_BITS, _RANDOM_BITS = 48, 80


class Clock(Protocol):
    """Time, randomness and ids, so that tests and simulators can decide them."""

    def now(self) -> float:
        """Return the wall clock: seconds since 1970-01-01 UTC."""

    def monotonic(self) -> float:
        """Return seconds that only grow, from an arbitrary start."""

    def sleep(self, seconds: float) -> None:
        """Block the calling thread for that long."""

    def random(self) -> float:
        """Return a float in [0, 1), for jitter: not for secrets."""

    def new_id(self) -> str:
        """Return a new unique id: 26 characters, later ids sort after earlier ones."""


class SystemClock:
    """The machine's own clock; ids as in the ULID specification, in lower case.

    Ids of one instance are strictly increasing, also within a millisecond and
    when the wall clock steps back. Usable from many threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def random(self) -> float:
        return random.random()

    def new_id(self) -> str:
        milliseconds = time.time_ns() // 1_000_000
        value = (milliseconds << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS)
        with self._lock:
            self._last = value = max(value, self._last + 1)
        return _encode(value)


def _encode(value: int) -> str:
    digits = [_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5)]
    return "".join(digits)
