"""``ostler remove``."""

from __future__ import annotations

from collections.abc import Sequence

import click

from ostler.compose import Composition

from ._describe import label
from ._options import Instance, instance_options
from ._output import say

__all__ = ["command"]


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@instance_options
def command(*, runs: Sequence[str], instance: Instance) -> None:
    """Remove RUNs that are over, with the logs and archives that no other run refers to."""
    with Composition(instance.settings()) as composition:
        composition.recovery.recover()
        for run_id in [composition.store.resolve(name) for name in runs]:
            removed = composition.removal.remove(run_id)
            say(f"run {label(removed)}: removed  [{removed.id}]")
