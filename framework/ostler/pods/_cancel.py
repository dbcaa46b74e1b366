from __future__ import annotations

import threading
from collections.abc import Callable

__all__ = ["EventCancel"]


class EventCancel:
    """A `ostler.spi.Cancel` that somebody sets. Usable from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._event = threading.Event()
        self._callbacks: dict[object, Callable[[], None]] = {}

    def set(self) -> None:
        """Cancel: wake who waits, then call the subscribers in this thread. Idempotent.

        :raises ExceptionGroup: of what subscribers raised; every one was called.
        """
        with self._lock:
            self._event.set()
            callbacks, self._callbacks = self._callbacks, {}
        errors = [error for callback in callbacks.values() if (error := _failure(callback))]
        if errors:
            raise ExceptionGroup("subscribers of a cancellation failed", errors)

    def is_set(self) -> bool:
        return self._event.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        return self._event.wait(timeout)

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        key = object()
        with self._lock:
            late = self._event.is_set()
            if not late:
                self._callbacks[key] = callback
        if late:
            callback()
        return lambda: self._unsubscribe(key)

    def _unsubscribe(self, key: object) -> None:
        with self._lock:
            self._callbacks.pop(key, None)


def _failure(callback: Callable[[], None]) -> Exception | None:
    try:
        callback()
    except Exception as error:
        return error
    return None
