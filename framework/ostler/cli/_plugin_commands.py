"""Commands that plugins add."""

from __future__ import annotations

import click

from ostler.errors import Conflict, Internal
from ostler.host import Host
from ostler.settings import discover_host, load_settings

__all__ = ["commands_of", "plugin_command"]


def plugin_command(name: str) -> click.Command | None:
    """Return the plugins' command of that name, or None.

    :raises Conflict: several plugins have one.
    """
    found = commands_of(discover_host(load_settings())).get(name, [])
    if len(found) > 1:
        plugins = " and ".join(repr(plugin) for plugin, _ in found)
        raise Conflict(
            f"the command {name!r} comes from plugins {plugins}: add one of them to plugins.disabled"
        )
    return found[0][1] if found else None


def commands_of(host: Host) -> dict[str, list[tuple[str, click.Command]]]:
    """Return the plugins' commands as (plugin, command), by name.

    :raises Internal: a plugin returned something else; it is named.
    """
    index: dict[str, list[tuple[str, click.Command]]] = {}
    for plugin, commands in host.call_each("ostler_commands"):
        for command in _checked(plugin, commands):
            index.setdefault(str(command.name), []).append((plugin, command))
    return index


def _checked(plugin: str, commands: object) -> list[click.Command]:
    if isinstance(commands, (list, tuple)) and all(
        isinstance(command, click.Command) and command.name for command in commands
    ):
        return list(commands)
    raise Internal(
        f"hook 'ostler_commands' of plugin {plugin!r} did not return a list of named click "
        f"commands; add {plugin!r} to plugins.disabled, and tell its author"
    )
