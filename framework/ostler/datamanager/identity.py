"""Which database lies in a storage, for those who do not open it."""

from __future__ import annotations

from ostler.ost import ObjectStorage

from .names import DATA, MANIFESTS, PROBES, WALS
from .recovery import newest_manifest
from .sequences import StorageSequence

__all__ = ["NAMES", "database_in"]

NAMES = (DATA, MANIFESTS, PROBES, WALS)
"""The prefixes of all keys of a database."""


def database_in(ost: ObjectStorage) -> str | None:
    """Return the id of the database in a storage; None: there is none. Reads only.

    :raises Internal: its newest manifest is damaged.
    """
    manifest = newest_manifest(StorageSequence(ost, MANIFESTS), persist=False)
    return None if manifest is None else manifest.cluster
