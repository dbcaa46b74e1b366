"""Copying, comparing and removing many objects, between any two storages."""

from __future__ import annotations

from .copying import copy_object
from .guarding import guard_copies, guard_key, guard_removal, guard_upload
from .overlapping import key_spaces, refuse_overlap
from .places import Place, StorageKey
from .removing import remove_keys
from .reports import Failure, Observer, Report, Task, stopped
from .sources import Rewindable
from .storing import store
from .syncing import Rule, Step, sync
from .trees import copy_tree
from .uploading import upload_tree

__all__ = [
    "Failure",
    "Observer",
    "Place",
    "Report",
    "Rewindable",
    "Rule",
    "Step",
    "StorageKey",
    "Task",
    "copy_object",
    "copy_tree",
    "guard_copies",
    "guard_key",
    "guard_removal",
    "guard_upload",
    "key_spaces",
    "refuse_overlap",
    "remove_keys",
    "stopped",
    "store",
    "sync",
    "upload_tree",
]
