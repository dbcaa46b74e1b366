"""What the exit codes mean. Commands return them, or None for success."""

from __future__ import annotations

import os
import sys
from enum import IntEnum

__all__ = ["Exit", "reader_gone"]


class Exit(IntEnum):
    """The exit codes of ``ostler``."""

    SUCCESS = 0
    RUN_FAILED = 1
    USAGE = 2
    STOPPED = 3
    INFRASTRUCTURE = 4
    BROKEN_PIPE = 141  # as a shell reports a program that died of SIGPIPE


def reader_gone() -> Exit:
    """Settle that nobody reads standard output any more, and return the exit code for it."""
    # The interpreter flushes standard output once more as it ends: into nothing.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
    return Exit.BROKEN_PIPE
