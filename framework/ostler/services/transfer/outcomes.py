"""What becomes of one object of a transfer."""

from __future__ import annotations

from collections.abc import Callable

from ostler.errors import Error
from ostler.spi.storage import ObjectInfo

from .reports import Report, Task
from .sources import Vanished

__all__ = ["attempt"]


def attempt(
    name: str,
    store: Callable[[], ObjectInfo],
    task: Task,
    report: Report,
    *,
    if_absent: bool = False,
    failed: Callable[[str, Error], None] | None = None,
) -> None:
    """Store one object of a transfer, and report what became of it.

    :param if_absent: what exists already counts as ``same``.
    :param failed: told instead of the report what could not be stored.
    :raises Conflict: ``task.stop`` was set (code ``"cancelled"``).
    """
    try:
        stored = store()
    except Vanished:
        report.add_vanished(name)
    except Error as error:
        if task.ended_by(error):
            raise
        if if_absent and error.code == "exists":
            report.add_same()
        else:
            (failed or report.add_failure)(name, error)
    else:
        report.add_copy(stored.size)
