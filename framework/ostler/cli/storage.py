"""``ostler storage``: objects in any storage. Nothing is imported but for the command that is called."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import click

__all__ = ["command"]

_COMMANDS: Mapping[str, tuple[str, str]] = {
    "ls": ("_storage_reading:ls_command", "List objects."),
    "cat": ("_storage_reading:cat_command", "Write the bytes of objects to standard output."),
    "stat": ("_storage_reading:stat_command", "Describe objects."),
    "put": ("_storage_copying:put_command", "Store a file, standard input, or a directory."),
    "cp": ("_storage_copying:cp_command", "Copy an object, or all below a prefix."),
    "sync": ("_storage_copying:sync_command", "Copy what is missing or different."),
    "rm": ("_storage_removing:rm_command", "Remove objects."),
}


class _Group(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name][0].partition(":")
        found = getattr(importlib.import_module(f".{module}", __package__), attribute)
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in _COMMANDS.items()])


@click.group("storage", cls=_Group)
def command() -> None:
    """Look at objects in any storage, and move them between storages.

    A LOCATION is a key in the storage of the settings, or URL#KEY in another one. A
    key that ends in / stands for all keys that begin with it, a URL alone for all of its
    storage, and . for all of the storage of the settings.
    """
