"""``ostler storage``: objects in any storage."""

from __future__ import annotations

import click

from ._storage_copying import cp_command, put_command, sync_command
from ._storage_reading import cat_command, ls_command, stat_command
from ._storage_removing import rm_command

__all__ = ["command"]


@click.group("storage")
def command() -> None:
    """Look at objects in any storage, and move them between storages.

    A LOCATION is a key in the storage of the settings, or URL#KEY in another one. A
    key that ends in / stands for all keys that begin with it, a URL alone for all of its
    storage, and . for all of the storage of the settings.
    """


for _command in (
    ls_command,
    cat_command,
    stat_command,
    put_command,
    cp_command,
    sync_command,
    rm_command,
):
    command.add_command(_command)
