"""Portable pods: what stands in front of every executor driver.

`Executor` wraps a driver and has the same methods. It refuses what no driver
could run, lets only errors of `ostler.errors` out, and checks archives on
their way into a pod.
"""

from __future__ import annotations

from ._archives import CheckedArchive, checked_archive
from ._cancel import EventCancel
from ._executor import Executor, open_executor

__all__ = ["CheckedArchive", "EventCancel", "Executor", "checked_archive", "open_executor"]
