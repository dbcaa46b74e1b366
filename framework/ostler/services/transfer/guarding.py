"""Keeping a database of runs from being overwritten or removed by the way."""

from __future__ import annotations

import os

from ostler.datamanager import NAMES, database_in
from ostler.errors import Conflict, Internal
from ostler.ost import ObjectStorage

from .places import Place

__all__ = ["guard_copies", "guard_key", "guard_removal", "guard_upload"]


def guard_key(storage: ObjectStorage, key: str) -> None:
    """Accept a key to write or remove unless it belongs to the database that lies there.

    :raises Conflict: it does (code ``"database"``).
    """
    if key.startswith(NAMES) and _found(storage) is not None:
        raise _refused(f"{key!r} belongs to the database")


def guard_removal(place: Place) -> None:
    """Accept the removal of everything at a place unless objects of a database are among it.

    :raises Conflict: they are (code ``"database"``).
    """
    if _touches(place.prefix) and _found(place.storage) is not None:
        raise _refused(f"{place.title!r} holds what belongs to the database")


def guard_copies(source: Place, target: Place, *, delete: bool, live: bool) -> None:
    """Accept a copy of ``source`` to ``target`` unless it would change the database that lies there.

    A copy of the same database may be brought up to date, where nobody works on it.

    :param delete: what the source has not would be removed.
    :param live: the target is the storage of the settings.
    :raises Conflict: it would (code ``"database"``).
    """
    if not _touches(target.prefix):
        return
    found = _found(target.storage)
    if found is None or not (delete or _brings(source, target)):
        return
    whole = not source.prefix and not target.prefix
    if live or not whole or not found or found != _found(source.storage):
        raise _refused(f"the copy would change what belongs to the database in {target.title}")


def guard_upload(directory: str, target: Place) -> None:
    """Accept a directory to store at ``target`` unless it would change the database there.

    :raises Conflict: it would (code ``"database"``).
    """
    if not _touches(target.prefix) or _found(target.storage) is None:
        return
    below = _below(target)
    if not below or any(os.path.exists(os.path.join(directory, name)) for name in below):
        raise _refused(f"the files would change what belongs to the database in {target.title}")


def _found(storage: ObjectStorage) -> str | None:
    """Return the id of the database in a storage, empty when it is damaged; None: there is none."""
    try:
        return database_in(storage)
    except Internal:
        return ""


def _touches(prefix: str) -> bool:
    return any(name.startswith(prefix) or prefix.startswith(name) for name in NAMES)


def _brings(source: Place, target: Place) -> bool:
    """Whether there is an object that would be stored among those of a database."""
    below = _below(target)
    return not below or any(
        next(source.storage.objects(source.prefix + name), None) is not None for name in below
    )


def _below(target: Place) -> list[str]:
    """Return the names that a database has below a place; none when the place is within one."""
    return [name.removeprefix(target.prefix) for name in NAMES if name.startswith(target.prefix)]


def _refused(what: str) -> Conflict:
    return Conflict(
        f"{what}, which holds all runs and which nothing but ostler itself should change: "
        "`ostler remove` and `ostler data gc` remove what is not needed; --force does it all the same",
        code="database",
    )
