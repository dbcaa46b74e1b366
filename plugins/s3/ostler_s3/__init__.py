"""Declaration of the `s3` plugin."""

from __future__ import annotations

from collections.abc import Sequence

from ostler.spi import StorageType, hookimpl

__all__ = ["ostler_spi_version", "ostler_storages"]

ostler_spi_version = (1, 0)


@hookimpl
def ostler_storages() -> Sequence[StorageType]:
    """Offer the storage on AWS S3 and what is compatible with it."""
    return [
        StorageType(
            name="s3",
            summary="a bucket of AWS S3, or of anything compatible",
            settings="ostler_s3.settings:S3Settings",
            factory="ostler_s3.driver:open_driver",
            schemes=("s3",),
        )
    ]
