"""The executor service: takes tasks from the runservice and runs them on a driver."""

from __future__ import annotations

from .files import log_file
from .service import ExecutorService

__all__ = ["ExecutorService", "log_file"]
