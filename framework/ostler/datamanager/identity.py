"""Which database lies in a storage, for those who do not open it."""

from __future__ import annotations

from ostler.errors import NotFound, Unavailable
from ostler.ost import ObjectStorage

from .manifest import decode_manifest
from .names import DATA, MANIFESTS, PROBES, WALS, number_of, numbered

__all__ = ["NAMES", "database_in"]

NAMES = (DATA, MANIFESTS, PROBES, WALS)
"""The prefixes of all keys of a database."""

_ATTEMPTS = 10


def database_in(ost: ObjectStorage) -> str | None:
    """Return the id of the database in a storage; None: there is none. Reads only.

    :raises Internal: its newest manifest is damaged.
    """
    for _ in range(_ATTEMPTS):
        number = max((number_of(info.key) or 0 for info in ost.objects(MANIFESTS)), default=0)
        if number == 0:
            return None
        name = numbered(MANIFESTS, number)
        try:
            return decode_manifest(ost.read(name), name).cluster
        except NotFound:
            continue  # a newer one has taken its place
    raise Unavailable("the manifests change faster than they can be read: try again")
