"""``ostler restart``."""

from __future__ import annotations

from contextlib import ExitStack

import click

from ostler.compose import Composition
from ostler.runs.config import RunConfig
from ostler.runs.model import Run
from ostler.runs.restart import restart_from_failed, restart_from_scratch

from ._exit import Exit
from ._foreground import errors_as_json, foreground
from ._options import Instance, instance_options, json_option

__all__ = ["command"]


@click.command()
@click.argument("run")
@click.option("--failed", is_flag=True, help="Only what had not succeeded, and what follows it.")
@click.option("--jobs", "-j", type=click.IntRange(min=1), metavar="N", help="Tasks at once.")
@click.option("--approve-all", is_flag=True, help="No task waits for approval.")
@click.option("--quiet", "-q", is_flag=True, help="Leave the output of the steps out.")
@json_option
@instance_options
def command(
    *,
    run: str,
    failed: bool,
    jobs: int | None,
    approve_all: bool,
    quiet: bool,
    as_json: bool,
    instance: Instance,
) -> Exit:
    """Run RUN again as a new run, and wait for its end."""
    with ExitStack() as stack:
        stack.enter_context(errors_as_json(as_json))
        settings = instance.settings(**({"jobs": jobs} if jobs else {}))
        composition = stack.enter_context(Composition(settings))
        composition.recovery.recover()
        add = _Restart(composition, composition.store.resolve(run), failed=failed)
        return foreground(composition, add, approve_all=approve_all, as_json=as_json, quiet=quiet)


class _Restart:
    """Creates the new run."""

    def __init__(self, composition: Composition, run_id: str, *, failed: bool) -> None:
        self._composition = composition
        self._run_id = run_id
        self._failed = failed

    def __call__(self, owner: str) -> list[tuple[Run, RunConfig]]:
        own = self._composition
        run = own.store.run(self._run_id).run
        config = own.store.config(run.config_id)
        new_id = own.clock.new_id
        if self._failed:
            new_config, new_run = restart_from_failed(run, config, new_id, own.outputs.present)
        else:
            new_config, new_run = restart_from_scratch(run, config, new_id)
        return [(own.creation.add(new_config, new_run, owner, restarts=run), new_config)]
