"""Declaration of the `posix` plugin."""

from __future__ import annotations

from collections.abc import Sequence

from ostler.spi import StorageType, hookimpl

ostler_spi_version = (1, 0)


@hookimpl
def ostler_storages() -> Sequence[StorageType]:
    """Offer the storage types `posix` and `posixflat`."""
    return [
        StorageType(
            name="posix",
            summary="files in a directory: one per object, '/' in keys as directories",
            settings="ostler_posix.settings:PosixSettings",
            factory="ostler_posix.driver:PosixStorage",
            schemes=("posix",),
        ),
        StorageType(
            name="posixflat",
            summary="files in a directory: one per object, any key beside any other",
            settings="ostler_posix.settings:PosixSettings",
            factory="ostler_posix.flat:PosixFlatStorage",
            schemes=("posixflat",),
            selectable=False,
        ),
    ]
