"""Declaration of the `sqlite` plugin."""

from __future__ import annotations

from collections.abc import Sequence

from ostler.spi import KvType, hookimpl

__all__ = ["ostler_kvs", "ostler_spi_version"]

ostler_spi_version = (1, 0)


@hookimpl
def ostler_kvs() -> Sequence[KvType]:
    """Offer the key-value store in one SQLite file."""
    return [
        KvType(
            name="sqlite",
            summary="one SQLite file, shared by the processes of one machine; durable",
            settings="ostler_sqlite.settings:SqliteSettings",
            factory="ostler_sqlite.driver:open_driver",
            schemes=("sqlite",),
        )
    ]
