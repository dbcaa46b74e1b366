"""Another process with the same store: ``python worker.py PATH WHAT [ARGUMENT…]``, spoken to by lines."""

from __future__ import annotations

import resource
import sys
import time

from ostler.spi import Compare, Put, Target
from ostler_sqlite.driver import SqliteDriver, open_driver
from ostler_sqlite.settings import SqliteSettings


def tell(*words: object) -> None:
    print(*words, flush=True)


def write(driver: SqliteDriver) -> None:
    """Write without end; tell each revision when it is acknowledged."""
    for number in range(1_000_000):
        value = b"%d" % number
        puts = [Put("newest", value), Put(f"all/{number:06}", value * 50)]
        tell(driver.txn([], puts, []).revision)


def watch(driver: SqliteDriver) -> None:
    """Tell when each event was seen: by the machine-wide clock."""
    with driver.watch("watched", 0) as watch:
        tell("ready")
        while True:
            for event in watch.next():
                tell(event.revision, time.monotonic())


def idle(driver: SqliteDriver, seconds: str) -> None:
    """Watch where nothing happens; tell the processor time that it took."""
    with driver.watch("nothing", 0) as watch:
        watch.next(0.2)
        began = _processor_time()
        watch.next(float(seconds))
        tell(_processor_time() - began)


def increment(driver: SqliteDriver, times: str) -> None:
    """Increment a counter by compare-and-swap."""
    done = 0
    while done < int(times):
        item = driver.get("counter")
        assert item is not None
        now = Compare("counter", Target.MOD_REVISION, item.mod_revision)
        done += driver.txn([now], [Put("counter", b"%d" % (int(item.value) + 1))], []).succeeded


def lease(driver: SqliteDriver, ttl: str) -> None:
    """Hold a key by a lease, and wait to be killed."""
    driver.txn([], [Put("held", b"", driver.grant(float(ttl)).id)], [])
    tell("held")
    time.sleep(60)


def _processor_time() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    path, what, *arguments = sys.argv[1:]
    opened = open_driver(SqliteSettings(path=path))
    jobs = {"write": write, "watch": watch, "idle": idle, "increment": increment, "lease": lease}
    jobs[what](opened, *arguments)
    opened.close()
