"""The conformance kit for key-value store drivers.

With pytest: subclass `KvConformance` (or `SharedKvConformance` when several
drivers may have one store open) in a test module and define the fixture
``driver`` (and ``second_driver``, on the same store)::

    class TestMine(SharedKvConformance):
        @pytest.fixture
        def driver(self, tmp_path): ...

Without: ``print(run_conformance(open_driver))``. The store need not be empty:
every check keeps to keys of its own. It should not be written by others meanwhile.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial

from ostler.spi import KvDriver
from ostler.testing.report import Report, run_checks

from .compacting import CompactionChecks
from .leases import LeaseChecks
from .listing import ListingChecks
from .reading import ReadingChecks
from .sharing import SharingChecks
from .transactions import TransactionChecks
from .watching import WatchChecks

__all__ = [
    "KvConformance",
    "OpenDriver",
    "SharedKvConformance",
    "conformance_checks",
    "run_conformance",
]

OpenDriver = Callable[[], KvDriver]
"""Returns a new driver, to be closed by the caller; the same store may be behind all of them."""


class KvConformance(
    ReadingChecks, ListingChecks, TransactionChecks, WatchChecks, CompactionChecks, LeaseChecks
):
    """What every driver must pass: fixture ``driver``."""


class SharedKvConformance(KvConformance, SharingChecks):
    """What a driver must pass that says `KvCapabilities.shared`: also fixture ``second_driver``."""


def conformance_checks(
    open_driver: OpenDriver, open_second: OpenDriver | None = None
) -> Mapping[str, Callable[[], None]]:
    """Return the checks by name, each of which opens and closes drivers of its own.

    :param open_second: a second driver on the same store; None: leave out what needs one.
    """
    kit = SharedKvConformance() if open_second else KvConformance()
    checks = inspect.getmembers(kit, inspect.ismethod)
    return {
        name.removeprefix("test_"): partial(_run, check, open_driver, open_second)
        for name, check in checks
        if name.startswith("test_")
    }


def run_conformance(open_driver: OpenDriver, open_second: OpenDriver | None = None) -> Report:
    """Run the whole kit and say how it ended; takes some ten seconds because of leases."""
    driver = open_driver()
    driver.close()
    subject = f"{type(driver).__module__}.{type(driver).__qualname__}"
    return run_checks(subject, conformance_checks(open_driver, open_second))


def _run(
    check: Callable[..., None], open_driver: OpenDriver, open_second: OpenDriver | None
) -> None:
    driver = open_driver()
    try:
        if open_second is None or "second_driver" not in inspect.signature(check).parameters:
            check(driver=driver)
            return
        second = open_second()
        try:
            check(driver=driver, second_driver=second)
        finally:
            second.close()
    finally:
        driver.close()
