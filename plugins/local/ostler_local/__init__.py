"""Declaration of the `local` plugin."""

from __future__ import annotations

from collections.abc import Sequence

from ostler.spi import ExecutorType, hookimpl

__all__ = ["ostler_executors", "ostler_spi_version"]

ostler_spi_version = (1, 0)


@hookimpl
def ostler_executors() -> Sequence[ExecutorType]:
    """Offer pods that are private directories of this machine."""
    return [
        ExecutorType(
            name="local",
            summary="processes of this machine in a private directory per pod; isolates nothing",
            settings="ostler_local.settings:LocalSettings",
            factory="ostler_local.driver:open_driver",
            isolates=False,
        )
    ]
