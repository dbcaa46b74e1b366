"""``ostler approve``."""

from __future__ import annotations

import getpass

import click

from ostler.compose import Composition

from ._describe import label
from ._options import Instance, instance_options
from ._output import say
from .logs import find_task

__all__ = ["command"]


@click.command()
@click.argument("run")
@click.argument("task")
@click.option("--user", metavar="NAME", help="Who approves; by default you, as logged in here.")
@instance_options
def command(*, run: str, task: str, user: str | None, instance: Instance) -> None:
    """Approve TASK of RUN, which waits for it; it starts when enough people have."""
    with Composition(instance.settings()) as composition:
        composition.recovery.recover()
        store = composition.store
        run_id = store.resolve(run)
        found = find_task(store.config(store.header(run_id).run.config_id), task)
        changed = composition.actions.add_approver(run_id, found.id, user or getpass.getuser())
        say(f"run {label(changed)}, task {found.name!r}: approved by {user or getpass.getuser()}")
