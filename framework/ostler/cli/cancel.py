"""``ostler cancel``."""

from __future__ import annotations

import click

from ostler.compose import Composition

from ._describe import label
from ._options import Instance, instance_options
from ._output import say

__all__ = ["command"]


@click.command()
@click.argument("run")
@instance_options
def command(*, run: str, instance: Instance) -> None:
    """Cancel a run that is queued."""
    with Composition(instance.settings()) as composition:
        composition.recovery.recover()
        changed = composition.actions.cancel(composition.store.resolve(run))
        say(f"run {label(changed)}: cancelled")
