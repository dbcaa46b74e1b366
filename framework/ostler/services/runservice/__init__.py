"""The runservice: runs in the key-value store, their outputs in object storage."""

from __future__ import annotations

from .actions import RunActions
from .creation import RunCreation, root_group
from .instances import Instance, open_instance
from .outputs import Outputs
from .recovery import Recovery
from .removal import RunRemoval
from .service import Runservice
from .store import RunStore, StoredRun

__all__ = [
    "Instance",
    "Outputs",
    "Recovery",
    "RunActions",
    "RunCreation",
    "RunRemoval",
    "RunStore",
    "Runservice",
    "StoredRun",
    "open_instance",
    "root_group",
]
