"""Declaration of the `memory` plugin."""

from __future__ import annotations

from collections.abc import Sequence

from ostler.spi import StorageType, hookimpl

ostler_spi_version = (1, 0)


@hookimpl
def ostler_storages() -> Sequence[StorageType]:
    """Offer the storage type `memory`."""
    return [
        StorageType(
            name="memory",
            summary="objects in this process's memory, for tests: gone when it is closed",
            settings="ostler_memory.driver:MemorySettings",
            factory="ostler_memory.driver:MemoryStorage",
            schemes=("memory",),
        )
    ]
