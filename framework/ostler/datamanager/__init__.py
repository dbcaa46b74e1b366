"""The datamanager: a crash-safe database of typed entries over object storage.

Entries (``type``, ``id`` → bytes) are written in transactions. A commit is one
object of a write-ahead log in object storage; checkpoints turn the log into
sorted data files that a manifest names. The key-value store tells other
processes of new commits; what it loses is written anew from the storage.
"""

from __future__ import annotations

from .changes import Changes
from .checkpointing import CheckpointReport
from .collecting import CollectReport
from .database import Datamanager
from .exporting import export_lines
from .identity import NAMES, database_in
from .importing import Imported, Merge, import_lines
from .options import Options
from .records import Action, Commit, Delete, Put, Token
from .rescuing import Rescue, rescue
from .results import Reading, Status
from .state import Snapshot
from .threads import Gate, SystemThreads, Threads
from .verifying import Problem
from .watching import CommitWatch

__all__ = [
    "NAMES",
    "Action",
    "Changes",
    "CheckpointReport",
    "CollectReport",
    "Commit",
    "CommitWatch",
    "Datamanager",
    "Delete",
    "Gate",
    "Imported",
    "Merge",
    "Options",
    "Problem",
    "Put",
    "Reading",
    "Rescue",
    "Snapshot",
    "Status",
    "SystemThreads",
    "Threads",
    "Token",
    "database_in",
    "export_lines",
    "import_lines",
    "rescue",
]
