"""Run configs as YAML and as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from ostler.spi import ConfigFormat, hookimpl

ostler_spi_version = (1, 0)


@hookimpl
def ostler_config_formats() -> Sequence[ConfigFormat]:
    """Return both formats."""
    return [
        ConfigFormat(
            name="yaml",
            summary="YAML, with anchors and merge keys",
            suffixes=(".yml", ".yaml"),
            read="ostler_configfiles.from_yaml:read",
        ),
        ConfigFormat(
            name="json",
            summary="JSON",
            suffixes=(".json",),
            read="ostler_configfiles.from_json:read",
        ),
    ]
