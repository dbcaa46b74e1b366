"""The runservice: active runs in the key-value store, the others in the datamanager, outputs in object storage."""

from __future__ import annotations

from .actions import RunActions
from .creation import RunCreation
from .entries import TYPES, root_group
from .events import Events
from .index import RunIndex
from .instances import Instance, open_instance
from .merging import MergeRuns
from .outputs import Outputs
from .recovery import Recovery
from .removal import RunRemoval
from .selection import RunPage, Selection
from .service import Runservice
from .store import RunStore, StoredRun

__all__ = [
    "TYPES",
    "Events",
    "Instance",
    "MergeRuns",
    "Outputs",
    "Recovery",
    "RunActions",
    "RunCreation",
    "RunIndex",
    "RunPage",
    "RunRemoval",
    "RunStore",
    "Runservice",
    "Selection",
    "StoredRun",
    "open_instance",
    "root_group",
]
