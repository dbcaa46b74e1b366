"""A fault-injecting proxy: an HTTP server's bad days, on demand, for the tests of a plugin.

Put it between your driver and a real server, and say what goes wrong::

    with FaultProxy("http://127.0.0.1:9000", every(10, s3_error("SlowDown"))) as proxy:
        driver = open_my_driver(proxy.url)
        …
        assert proxy.log.count(fault=Status) == 3

Requests reach the server bit by bit as they were sent, so that signatures stay
valid; bodies stream both ways in bounded memory. Needs the extra ``testing`` of
Ostler. It is for a test's own server: it listens on the loopback only.
"""

from __future__ import annotations

from .exchange import Exchange
from .kinds import (
    CutBody,
    CutRequest,
    Delay,
    Duplicate,
    Fault,
    LoseAnswer,
    Reset,
    Status,
    s3_error,
)
from .log import Log, Record, Request
from .plans import Plan, always, chance, every, first, nth, together
from .proxy import FaultProxy

__all__ = [
    "CutBody",
    "CutRequest",
    "Delay",
    "Duplicate",
    "Exchange",
    "Fault",
    "FaultProxy",
    "Log",
    "LoseAnswer",
    "Plan",
    "Record",
    "Request",
    "Reset",
    "Status",
    "always",
    "chance",
    "every",
    "first",
    "nth",
    "s3_error",
    "together",
]
