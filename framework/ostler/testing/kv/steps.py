"""What the checks have in common."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from ostler.clock import SystemClock
from ostler.errors import Error
from ostler.spi import Delete, Event, KeyValue, KvDriver, Put, Watch

__all__ = [
    "PATIENCE",
    "delete",
    "get",
    "keys_at",
    "new_room",
    "overtake",
    "put",
    "raises",
    "take",
    "together",
]

PATIENCE = 10.0
"""Seconds after which what should have happened is held not to happen."""

_CLOCK = SystemClock()


def new_room() -> str:
    """Return a prefix that nobody else uses."""
    return f"conformance/{_CLOCK.new_id()}/"


def put(driver: KvDriver, key: str, value: bytes = b"v", lease: int = 0) -> int:
    """Write one key; return the revision."""
    return driver.txn([], [Put(key, value, lease)], []).revision


def delete(driver: KvDriver, key: str) -> int:
    """Delete one key; return the revision."""
    return driver.txn([], [Delete(key)], []).revision


def get(driver: KvDriver, key: str) -> KeyValue:
    """Return a key that must exist."""
    found = driver.get(key)
    assert found is not None, f"get says that {key!r} does not exist"
    return found


def keys_at(driver: KvDriver, prefix: str, revision: int = 0) -> list[str]:
    """Return the keys of a listing, without the prefix."""
    page = driver.list(prefix, start_after="", limit=1000, revision=revision)
    return [item.key[len(prefix) :] for item in page.items]


def take(watch: Watch, count: int) -> list[Event]:
    """Return the next events, at least ``count``, waiting for them."""
    events: list[Event] = []
    deadline = time.monotonic() + PATIENCE
    while len(events) < count:
        left = deadline - time.monotonic()
        assert left > 0, f"the watch told {len(events)} events of {count}: {events}"
        events += watch.next(left)
    return events


def raises(kind: type[Error], call: Callable[[], object], what: str) -> None:
    """Call, and insist on an error of that type."""
    try:
        answer = call()
    except kind:
        return
    raise AssertionError(f"{what} must raise {kind.__name__}; it returned {answer!r}")


def together(jobs: Sequence[Callable[[], None]]) -> None:
    """Run jobs at once, each in a thread; raise what the first of them raised."""
    errors: list[BaseException] = []
    barrier = threading.Barrier(len(jobs))

    def run(job: Callable[[], None]) -> None:
        try:
            barrier.wait(PATIENCE)
            job()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(job,), daemon=True) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(3 * PATIENCE)
        assert not thread.is_alive(), "a call did not return"
    if errors:
        raise errors[0]


def overtake(watch: Watch, job: Callable[[], None]) -> tuple[tuple[Event, ...], float]:
    """Let another thread do ``job`` while this one waits in ``watch``; return the answer and its time."""
    timer = threading.Timer(0.05, job)
    timer.start()
    began = time.monotonic()
    events = watch.next(PATIENCE)
    took = time.monotonic() - began
    timer.join()
    return events, took
