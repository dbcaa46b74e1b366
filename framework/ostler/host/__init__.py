"""The plugin host: finds plugins, loads them, keeps the broken ones from the rest, and reports."""

from __future__ import annotations

from ._host import Host
from ._plugin import Plugin, Problem, State
from ._registry import Offered

__all__ = ["Host", "Offered", "Plugin", "Problem", "State"]
