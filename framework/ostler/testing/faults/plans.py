"""Which request meets which fault.

A plan is any function ``(Request) -> Fault | None``. It is called once for each
request, in the order of arrival, by one thread. Those made here count the
requests that match ``method`` and ``target``, a regular expression that is
searched in path and query as they were sent; they begin anew when made anew.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from itertools import count
from typing import Protocol

from .kinds import Fault
from .log import Request

__all__ = ["Plan", "always", "chance", "every", "first", "nth", "together"]


class Plan(Protocol):
    """Says which fault a request meets; None: it is let through."""

    def __call__(self, request: Request, /) -> Fault | None: ...


def always(fault: Fault, *, method: str | None = None, target: str = "") -> Plan:
    """Inject ``fault`` into each request that matches."""
    return _plan(lambda _number: True, fault, method, target)


def every(n: int, fault: Fault, *, method: str | None = None, target: str = "") -> Plan:
    """Inject ``fault`` into each ``n``-th request that matches: the ``n``-th, the ``2n``-th and so on."""
    return _plan(lambda number: number % n == 0, fault, method, target)


def first(n: int, fault: Fault, *, method: str | None = None, target: str = "") -> Plan:
    """Inject ``fault`` into the first ``n`` requests that match."""
    return _plan(lambda number: number <= n, fault, method, target)


def nth(n: int, fault: Fault, *, method: str | None = None, target: str = "") -> Plan:
    """Inject ``fault`` into the ``n``-th request that matches (from 1), and no other."""
    return _plan(lambda number: number == n, fault, method, target)


def chance(
    probability: float,
    fault: Fault,
    *,
    seed: int,
    method: str | None = None,
    target: str = "",
) -> Plan:
    """Inject ``fault`` by dice: the same ones for the same ``seed`` and order of requests."""
    dice = random.Random(seed)
    return _plan(lambda _number: dice.random() < probability, fault, method, target)


def together(*plans: Plan) -> Plan:
    """Follow several plans: each sees each request, and the first that has a fault for it wins."""

    def plan(request: Request) -> Fault | None:
        faults = [each(request) for each in plans]
        return next((fault for fault in faults if fault is not None), None)

    return plan


def _plan(decide: Callable[[int], bool], fault: Fault, method: str | None, target: str) -> Plan:
    numbers, pattern = count(1), re.compile(target)

    def plan(request: Request) -> Fault | None:
        if method not in (None, request.method) or not pattern.search(request.target):
            return None
        return fault if decide(next(numbers)) else None

    return plan
