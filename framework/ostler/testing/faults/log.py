"""What came through the proxy, and what it made of it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

__all__ = ["Log", "Record", "Request"]


@dataclass(frozen=True, slots=True)
class Request:
    """The head of a request, as it was received.

    :param target: path and query, not a byte of them decoded or put in order.
    :param headers: names and values in their order; the names in lower case.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]

    def header(self, name: str) -> str | None:
        """Return the first header of that name (in lower case), or None."""
        return next((value for each, value in self.headers if each == name), None)


@dataclass(slots=True)
class Record:
    """What became of one request.

    :param fault: what was injected; None when nothing was, also where a fault
        was planned that this request or its answer gave no occasion for.
    :param forwarded: how many times the request was sent to the server.
    :param status: of the answer that was begun; None when there was none.
    """

    request: Request
    fault: object | None = None
    forwarded: int = 0
    status: int | None = None


@dataclass(slots=True)
class Log:
    """Every request in the order of arrival; may be read while the proxy works."""

    records: list[Record] = field(default_factory=list)

    def count(
        self,
        method: str | None = None,
        target: str = "",
        *,
        fault: type | None = None,
        faulty: bool | None = None,
    ) -> int:
        """Return how many requests there were.

        :param target: a regular expression that is searched in the target.
        :param fault: only those that met a fault of this class.
        :param faulty: only those that met some fault (True), or none (False).
        """
        return sum(
            method in (None, each.request.method)
            and re.search(target, each.request.target) is not None
            and (fault is None or isinstance(each.fault, fault))
            and (faulty is None or faulty == (each.fault is not None))
            for each in list(self.records)
        )

    def faults(self) -> Counter[str]:
        """Return how often each kind of fault was injected, by the name of its class."""
        return Counter(type(each.fault).__name__ for each in list(self.records) if each.fault)

    def clear(self) -> None:
        """Forget all of it."""
        self.records.clear()
