"""Declaration of the `fsspec` plugin."""

from __future__ import annotations

from collections.abc import Sequence

from ostler.spi import StorageType, hookimpl

__all__ = ["ostler_spi_version", "ostler_storages"]

ostler_spi_version = (1, 0)


@hookimpl
def ostler_storages() -> Sequence[StorageType]:
    """Offer every file system that fsspec knows, as one storage type."""
    return [
        StorageType(
            name="fsspec",
            summary="any fsspec file system; what it can do depends on which",
            settings="ostler_fsspec.settings:FsspecSettings",
            factory="ostler_fsspec.driver:open_driver",
            schemes=("fsspec+",),
        )
    ]
