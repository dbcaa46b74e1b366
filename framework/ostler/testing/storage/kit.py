"""All checks together, and how to run them without pytest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from ostler.spi.storage import StorageDriver
from ostler.testing.report import Report, run_checks

from .bodies import BodyChecks
from .keys import KeyChecks
from .listings import ListingChecks
from .races import RaceChecks
from .tools import expect, keys_of
from .writes import WriteChecks

__all__ = ["OpenDriver", "StorageConformance", "conformance_checks", "run_conformance"]

OpenDriver = Callable[[], StorageDriver]
"""Opens the driver under test; the same storage may be behind all that it opens."""


class StorageConformance(KeyChecks, WriteChecks, BodyChecks, ListingChecks, RaceChecks):
    """Every check of the contract of `ostler.spi.storage`, as far as the driver's capabilities go.

    Each check is a method ``test_…`` that takes ``driver``: open, on an empty
    storage. A subclass may override `leftovers`.
    """


def conformance_checks(open_driver: OpenDriver) -> Mapping[str, Callable[[], None]]:
    """Return the checks by name.

    Each opens the driver, wants its storage to be empty, removes in the end
    what it stored, and closes the driver twice, which is one more check.
    """
    kit = StorageConformance()
    names = sorted(name for name in dir(kit) if name.startswith("test_"))
    return {
        name.removeprefix("test_"): partial(_run, getattr(kit, name), open_driver) for name in names
    }


def run_conformance(open_driver: OpenDriver) -> Report:
    """Run every check and say how it ended; takes some seconds on a local disk."""
    driver = open_driver()
    driver.close()
    subject = f"{type(driver).__module__}.{type(driver).__qualname__}"
    return run_checks(subject, conformance_checks(open_driver))


def _run(check: Callable[[StorageDriver], None], open_driver: OpenDriver) -> None:
    driver = open_driver()
    try:
        # What is there may be somebody's: only an empty storage is emptied afterwards.
        expect(keys_of(driver), [], "the keys in the storage, which a check wants empty")
        try:
            check(driver)
        finally:
            for key in keys_of(driver):
                driver.delete(key)
    finally:
        driver.close()
    driver.close()
