"""``ostler storage``: objects in any storage."""

from __future__ import annotations

from collections.abc import Mapping

import click

from ._lazy import LazyGroup

__all__ = ["command"]

_COMMANDS: Mapping[str, tuple[str, str]] = {
    "ls": ("ostler.cli._storage_reading:ls_command", "List objects."),
    "cat": (
        "ostler.cli._storage_reading:cat_command",
        "Write the bytes of objects to standard output.",
    ),
    "stat": ("ostler.cli._storage_reading:stat_command", "Describe objects."),
    "put": (
        "ostler.cli._storage_copying:put_command",
        "Store a file, standard input, or a directory.",
    ),
    "cp": ("ostler.cli._storage_copying:cp_command", "Copy an object, or all below a prefix."),
    "sync": ("ostler.cli._storage_copying:sync_command", "Copy what is missing or different."),
    "rm": ("ostler.cli._storage_removing:rm_command", "Remove objects."),
}


@click.group("storage", cls=LazyGroup, references=_COMMANDS)
def command() -> None:
    """Look at objects in any storage, and move them between storages.

    A LOCATION is a key in the storage of the settings, or URL#KEY in another one. A
    key that ends in / stands for all keys that begin with it, a URL alone for all of its
    storage, and . for all of the storage of the settings.
    """
