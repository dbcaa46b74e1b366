"""What the plugin offers. Only this is imported until somebody uses it."""

from __future__ import annotations

from collections.abc import Sequence

from ostler.spi import StorageType, hookimpl

ostler_spi_version = (1, 0)


@hookimpl
def ostler_storages() -> Sequence[StorageType]:
    """Offer the storage type `onefile`."""
    return [
        StorageType(
            name="onefile",
            summary="one SQLite file that holds every object",
            schemes=("onefile",),
            settings="ostler_onefile.driver:OneFileSettings",
            factory="ostler_onefile.driver:OneFileStorage",
        )
    ]
