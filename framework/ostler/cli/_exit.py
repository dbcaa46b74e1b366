"""What the exit codes mean. Commands return them, or None for success."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Exit"]


class Exit(IntEnum):
    """The exit codes of ``ostler``."""

    SUCCESS = 0
    RUN_FAILED = 1
    USAGE = 2
    STOPPED = 3
    INFRASTRUCTURE = 4
    BROKEN_PIPE = 141  # as a shell reports a program that died of SIGPIPE
