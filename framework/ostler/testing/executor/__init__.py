"""The conformance kit for executor drivers.

With pytest: subclass `ExecutorConformance` in a test module, define the fixture
``driver`` (open, set up, closed at the end) and say what it needs::

    class TestMine(ExecutorConformance):
        image = "busybox"

        @pytest.fixture
        def driver(self, tmp_path): ...

Without: ``print(run_conformance(open_driver, image="busybox"))``. Pods of others
may be there: every check keeps to pods of its own, and removes them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial

from ostler.spi import ExecutorDriver
from ostler.testing.report import Report, run_checks

from .archives import ArchiveChecks
from .directories import DirectoryChecks
from .ending import EndingChecks
from .pods import PodChecks
from .processes import ProcessChecks
from .streams import StreamChecks
from .terminals import TerminalChecks

__all__ = ["ExecutorConformance", "OpenDriver", "conformance_checks", "run_conformance"]

OpenDriver = Callable[[], ExecutorDriver]
"""Returns a new driver on which `ExecutorDriver.setup` was called, to be closed by the caller."""


class ExecutorConformance(
    ProcessChecks,
    StreamChecks,
    TerminalChecks,
    DirectoryChecks,
    ArchiveChecks,
    EndingChecks,
    PodChecks,
):
    """What every driver must pass: fixture ``driver``; attributes ``image`` and ``supports_tty``."""


def conformance_checks(
    open_driver: OpenDriver, *, image: str = "", supports_tty: bool = True
) -> Mapping[str, Callable[[], None]]:
    """Return the checks by name, each of which opens and closes a driver of its own."""
    kit = ExecutorConformance()
    kit.image, kit.supports_tty = image, supports_tty
    checks = inspect.getmembers(kit, inspect.ismethod)
    return {
        name.removeprefix("test_"): partial(_run, check, open_driver)
        for name, check in checks
        if name.startswith("test_")
    }


def run_conformance(
    open_driver: OpenDriver, *, image: str = "", supports_tty: bool = True
) -> Report:
    """Run the whole kit and say how it ended.

    :param image: of container 0, with a POSIX shell and ``setsid``; empty: the driver needs none.
    """
    driver = open_driver()
    driver.close()
    subject = f"{type(driver).__module__}.{type(driver).__qualname__}"
    return run_checks(
        subject, conformance_checks(open_driver, image=image, supports_tty=supports_tty)
    )


def _run(check: Callable[..., None], open_driver: OpenDriver) -> None:
    driver = open_driver()
    try:
        check(driver=driver)
    finally:
        driver.close()
