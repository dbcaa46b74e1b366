"""Removing many objects."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from ostler.ost import ObjectStorage

from .reports import Report, Task, check_running

__all__ = ["remove_keys"]

_BATCH = 1000


def remove_keys(storage: ObjectStorage, keys: Iterable[str], task: Task, report: Report) -> None:
    """Remove objects by key, in batches, as the keys come.

    :raises Conflict: ``task.stop`` was set (code ``"cancelled"``); what was
        removed by then is in the report.
    """
    remaining = iter(keys)
    while batch := list(islice(remaining, _BATCH)):
        check_running(task.stop)
        storage.delete_many(batch)
        report.add_removed(len(batch))
