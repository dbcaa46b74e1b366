"""What a conformance kit found, and how its checks are run without pytest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["CheckResult", "Report", "run_checks"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """How one check ended.

    :param name: the check's, without the ``test_`` before it.
    :param message: why it failed; empty when it is ok.
    """

    name: str
    ok: bool
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """How a whole kit ended.

    :param subject: what was checked, for the person who reads it.
    :param results: in the order in which the checks ran.
    """

    subject: str
    results: tuple[CheckResult, ...]

    @property
    def ok(self) -> bool:
        """Whether every check passed."""
        return not self.failed

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """The checks that did not pass."""
        return tuple(result for result in self.results if not result.ok)

    def __str__(self) -> str:
        lines = [f"{self.subject}: {len(self.results) - len(self.failed)}/{len(self.results)} ok"]
        lines += [f"  {result.name}: {result.message}" for result in self.failed]
        return "\n".join(lines)


def run_checks(subject: str, checks: Mapping[str, Callable[[], None]]) -> Report:
    """Run every check; one that raises anything but an interrupt has failed with that message."""
    return Report(subject, tuple(_run(name, check) for name, check in checks.items()))


def _run(name: str, check: Callable[[], None]) -> CheckResult:
    try:
        check()
    except Exception as error:
        return CheckResult(name, ok=False, message=_describe(error))
    return CheckResult(name, ok=True, message="")


def _describe(error: Exception) -> str:
    text = str(error)
    return text if isinstance(error, AssertionError) and text else f"{type(error).__name__}: {text}"
