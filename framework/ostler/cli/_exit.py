"""What the exit codes mean. Commands return them, or None for success."""

from __future__ import annotations

import os
import sys
from enum import IntEnum

__all__ = ["Exit", "reader_gone", "silence"]


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
    silence(sys.stdout.fileno())
    return Exit.BROKEN_PIPE


def silence(descriptor: int) -> None:
    """Have what is written to a descriptor from now on go nowhere."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, descriptor)
    os.close(null)
