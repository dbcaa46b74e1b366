"""Declaration of the `etcd` plugin."""

from __future__ import annotations

from collections.abc import Sequence

from ostler.spi import KvType, hookimpl

__all__ = ["ostler_kvs", "ostler_spi_version"]

ostler_spi_version = (1, 0)


@hookimpl
def ostler_kvs() -> Sequence[KvType]:
    """Offer the key-value store on an etcd cluster."""
    return [
        KvType(
            name="etcd",
            summary="an etcd v3 cluster, shared by many machines; durable",
            settings="ostler_etcd.settings:EtcdSettings",
            factory="ostler_etcd.driver:open_driver",
            schemes=("etcd", "etcds"),
        )
    ]
