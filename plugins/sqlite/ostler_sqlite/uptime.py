"""The clock that leases run by: one for all processes of the machine, never set back or forth."""

from __future__ import annotations

import time

__all__ = ["uptime"]

_BOOT = getattr(time, "CLOCK_BOOTTIME", None)  # Linux: goes on while the machine sleeps


def uptime() -> float:
    """Return seconds since the machine started."""
    return time.monotonic() if _BOOT is None else time.clock_gettime(_BOOT)
