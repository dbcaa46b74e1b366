"""What the tests of the plugin have in common."""

from __future__ import annotations

import time
from collections.abc import Callable

from ostler.errors import Unavailable
from ostler.spi import Event, Put, Watch
from ostler_etcd.driver import EtcdDriver

DEADLINE = 20.0


def put(driver: EtcdDriver, key: str, value: bytes = b"v") -> int:
    return driver.txn([], [Put(key, value)], []).revision


def following(watch: Watch) -> tuple[Event, ...]:
    """Return the next events; an outage in between is no obstacle."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        try:
            return watch.next(deadline - time.monotonic())
        except Unavailable:
            continue
    raise AssertionError("no event came")


def patiently(call: Callable[[], object]) -> None:
    """Do what may be done twice until it is done."""
    deadline = time.monotonic() + DEADLINE
    while True:
        try:
            call()
            return
        except Unavailable:
            assert time.monotonic() < deadline
