"""All checks together, and how to run them without pytest."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ostler.spi.storage import StorageDriver
from ostler.testing.report import Report, run_checks

from .bodies import BodyChecks
from .keys import KeyChecks
from .listings import ListingChecks
from .races import RaceChecks
from .writes import WriteChecks

__all__ = ["StorageConformance", "run_conformance"]


class StorageConformance(KeyChecks, WriteChecks, BodyChecks, ListingChecks, RaceChecks):
    """Every check of the contract of `ostler.spi.storage`, as far as the driver's capabilities go.

    Each check is a method ``test_…`` that takes ``driver``: open, on an empty
    storage of its own. A subclass may override `leftovers`.
    """


def run_conformance(
    open_driver: Callable[[], StorageDriver],
    *,
    subject: str = "storage",
    checks: type[StorageConformance] = StorageConformance,
) -> Report:
    """Run every check, each on a driver that ``open_driver`` opens on an empty storage.

    The driver is closed, twice, after its check; that counts as part of it.
    """
    kit = checks()
    names = sorted(name for name in dir(checks) if name.startswith("test_"))
    runs = {name.removeprefix("test_"): partial(_run, kit, name, open_driver) for name in names}
    return run_checks(subject, runs)


def _run(kit: StorageConformance, name: str, open_driver: Callable[[], StorageDriver]) -> None:
    driver = open_driver()
    try:
        getattr(kit, name)(driver)
    finally:
        driver.close()
    driver.close()
