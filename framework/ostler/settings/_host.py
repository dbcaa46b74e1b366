from __future__ import annotations

from ostler.host import Host

from ._schema import Settings

__all__ = ["discover_host"]


def discover_host(settings: Settings, *, strict: bool | None = None) -> Host:
    """Find the plugins as the settings select them.

    :param strict: None: as the settings say.
    :raises Conflict: strict, and there are problems.
    """
    chosen = settings.plugins
    return Host.discover(
        disabled=chosen.disabled,
        prefer=chosen.prefer,
        strict=chosen.strict if strict is None else strict,
    )
