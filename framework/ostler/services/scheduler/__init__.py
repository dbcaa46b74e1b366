"""The scheduler: which executor takes a task, and when a task that waits for approval may go on."""

from __future__ import annotations

from .approving import approve_waiting
from .placing import Placing

__all__ = ["Placing", "approve_waiting"]
