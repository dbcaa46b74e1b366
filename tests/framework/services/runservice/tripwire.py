"""A stand-in for a store that dies at one of its calls: before it is done, after it, or without an answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ostler.errors import Unknown

CALLS = frozenset({"txn", "get", "list", "put", "commit", "read"})


class Crash(BaseException):
    """The process is gone."""


class Tripwire:
    """Counts the calls of several stores together, and does something at one of them."""

    def __init__(self, at: int = -1, *, after: bool = False, error: type[BaseException] = Crash):
        self.calls = 0
        self.names: list[str] = []
        self._at, self._after, self._error = at, after, error

    def around(self, target: Any) -> Any:
        return _Wrapped(target, self)

    def call(self, name: str, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        here = self.calls == self._at
        self.calls += 1
        self.names.append(name)
        if here and not self._after:
            raise self._error("before")
        result = method(*args, **kwargs)
        if here:
            raise self._error("after")
        return result


class _Wrapped:
    def __init__(self, target: Any, wire: Tripwire) -> None:
        self._target, self._wire = target, wire

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        if name not in CALLS:
            return found
        return lambda *args, **kwargs: self._wire.call(name, found, *args, **kwargs)


def unknown(target: Any, name: str, times: int, *, done: bool) -> Any:
    """Return a stand-in whose method answers so often that the outcome is unknown."""

    class Silent:
        left = times

        def __getattr__(self, wanted: str) -> Any:
            found = getattr(target, wanted)
            if wanted != name or not self.left:
                return found

            def call(*args: Any, **kwargs: Any) -> Any:
                self.left -= 1
                if done:
                    found(*args, **kwargs)
                raise Unknown("no answer")

            return call

    return Silent()
