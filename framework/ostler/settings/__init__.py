"""Settings of an instance: where they come from, what they mean, and what is wrong with them.

A file (``ostler.toml``), overridden by ``OSTLER_…`` variables, overridden by
options. Every value remembers its origin. `resolve_storage`, `resolve_kv` and
`resolve_executor` turn what was chosen into a type of a plugin and its
validated settings.
"""

from __future__ import annotations

from ._home import default_home, ensure_home
from ._host import discover_host
from ._load import load_settings
from ._resolve import Resolved, redact_url, resolve_executor, resolve_kv, resolve_storage
from ._schema import Choice, DatamanagerSettings, LogSettings, PluginSettings, Settings

__all__ = [
    "Choice",
    "DatamanagerSettings",
    "LogSettings",
    "PluginSettings",
    "Resolved",
    "Settings",
    "default_home",
    "discover_host",
    "ensure_home",
    "load_settings",
    "redact_url",
    "resolve_executor",
    "resolve_kv",
    "resolve_storage",
]
