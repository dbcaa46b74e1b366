"""Copying everything below a prefix."""

from __future__ import annotations

from collections.abc import Callable

from ostler.errors import Error
from ostler.spi.storage import ObjectInfo

from .copying import copy_object
from .outcomes import attempt
from .places import Place
from .reports import Report, Task
from .workers import in_parallel

__all__ = ["copy_one", "copy_tree"]


def copy_tree(source: Place, target: Place, task: Task, *, if_absent: bool = False) -> Report:
    """Copy every object at ``source`` to its name at ``target``, in the order of their listing.

    What fails or vanishes is in the report, and stops nothing else.

    :param if_absent: leave alone what the target has; it counts as ``same``.
    :raises Conflict: ``task.stop`` was set (code ``"cancelled"``).
    :raises Error: the source cannot be listed.
    """
    report = Report()

    def work(item: tuple[str, ObjectInfo]) -> None:
        copy_one(source, target, item[0], task, report, if_absent=if_absent)

    in_parallel(source.objects(), work, task)
    return report


def copy_one(
    source: Place,
    target: Place,
    name: str,
    task: Task,
    report: Report,
    *,
    if_absent: bool = False,
    settled: bool = False,
    failed: Callable[[str, Error], None] | None = None,
) -> None:
    """Copy one object of a transfer, and report what became of it.

    :param failed: told instead of the report what could not be copied.
    :raises Conflict: ``task.stop`` was set (code ``"cancelled"``).
    """
    origin = (source.storage, source.prefix + name)
    destination = (target.storage, target.prefix + name)
    attempt(
        name,
        lambda: copy_object(
            origin, destination, task, name=name, if_absent=if_absent, settled=settled
        ),
        task,
        report,
        if_absent=if_absent,
        failed=failed,
    )
