"""A lease that is kept alive as long as its holder wants it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ostler.clock import Clock
from ostler.closing import Closing
from ostler.errors import Error, Unavailable
from ostler.spi import KvDriver, Lease

from .attempts import Attempts

__all__ = ["KeptLease"]

_KEEP, _AGAIN = 1 / 3, 1 / 20
"""Parts of the time to live: between two keep-alives, and after one that failed."""


class KeptLease(Closing):
    """A granted lease and the thread that keeps it alive. A context manager: leaving it revokes.

    :ivar id: to be named in `Put`.
    :ivar ttl: seconds.
    :ivar lost: set when the lease has run out, or may have, without `close`:
        whatever rested on it no longer holds.
    :ivar reason: the error that showed it, once it is lost.
    """

    def __init__(self, driver: KvDriver, attempts: Attempts, clock: Clock, ttl: float) -> None:
        self._driver, self._attempts, self._clock = driver, attempts, clock
        began = clock.monotonic()
        lease: Lease = attempts.write(lambda: driver.grant(ttl))
        self.id, self.ttl = lease.id, lease.ttl
        self.lost = threading.Event()
        self.reason: Error | None = None
        self._until = began + lease.ttl
        self._stop = threading.Event()
        self._on_loss: tuple[Callable[[], None], ...] = ()
        self._thread = threading.Thread(target=self._keep, name=f"lease-{self.id}", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the lease certainly holds: asks the clock too, so it is never later than `lost`."""
        return (
            not self._stop.is_set()
            and not self.lost.is_set()
            and self._clock.monotonic() < self._until
        )

    def on_loss(self, callback: Callable[[], None]) -> None:
        """Call back once when the lease is lost; at once when it is. From any thread."""
        self._on_loss += (callback,)
        if self.lost.is_set():
            callback()

    def close(self) -> None:
        """Revoke the lease: its keys are deleted. Idempotent.

        :raises Unavailable: the store could not be reached; the lease runs out by itself.
        """
        if self._stop.is_set():
            return
        self._stop.set()
        self._thread.join()
        self._attempts.repeat(lambda: self._driver.revoke(self.id))

    def _keep(self) -> None:
        pause = self.ttl * _KEEP
        while not self._stop.wait(pause):
            began = self._clock.monotonic()
            try:
                self._driver.keep_alive(self.id)
            except Unavailable as error:
                pause = min(self.ttl * _AGAIN, self._until - self._clock.monotonic())
                if pause <= 0:
                    return self._lose(error)
            except Error as error:
                return self._lose(error)
            else:
                self._until = began + self.ttl
                pause = self.ttl * _KEEP
        return None

    def _lose(self, reason: Error) -> None:
        self.reason = reason
        self.lost.set()
        for callback in self._on_loss:
            callback()
